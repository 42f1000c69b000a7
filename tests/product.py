"""Fixtures of a running product, for the packages that place whole calls: their conftest.py imports them.

A package has a stack of its own, because a fixture belongs to the conftest.py that imports it.
"""

import asyncio
from collections.abc import Iterator

import pytest

from calls import rooms
from calls.models import PhoneNumber, WebhookEvent
from tests.factories import make_number, make_persona
from tests.services import LiveKitServer
from tests.stack import Process, Stack, eventually
from tools.local import Instance

NUMBER = "+12025550100"


@pytest.fixture(scope="package")
def stack(rabbitmq: Instance, livekit: LiveKitServer, django_db_setup: None) -> Iterator[Stack]:
    """Web, housekeeping and the simulator; workers are started by the tests that need them."""
    stack = Stack()
    try:
        stack.start_housekeeping()
        stack.start_simulator()
        stack.start_web()
        stack.wait_until_healthy()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def worker(stack: Stack) -> Iterator[Process]:
    """A worker with four slots."""
    with stack.worker(slots=4) as process:
        yield process


@pytest.fixture
def quiet(stack: Stack, transactional_db: None) -> Iterator[None]:
    """After the test every room is closed and its last webhook has come: nothing writes while tables are emptied."""
    yield
    for room in set(WebhookEvent.objects.values_list("room_name", flat=True)):
        asyncio.run(rooms.delete_room(room))
        finished = WebhookEvent.objects.filter(room_name=room, kind="room_finished")
        eventually(finished.exists, f"end of room {room}")


@pytest.fixture
def number(quiet: None) -> PhoneNumber:
    """A number with a published persona that greets in one short sentence."""
    return make_number(NUMBER, make_persona("Anna", greeting="Hello, this is Anna.", voice_id="rachel"))
