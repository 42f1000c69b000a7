"""Fixtures of a running product, for the packages that place whole calls: their conftest.py imports them.

A package has a stack of its own, because a fixture belongs to the conftest.py that imports it.
"""

import asyncio
from collections.abc import Iterator

import pytest

from callcenter.celery import CALLS, DEAD_CALLS, HOUSEKEEPING, app
from calls.livekit import rooms
from calls.models import PhoneNumber, WebhookEvent
from tests.factories import make_number, make_persona
from tests.product.stack import Process, Stack, eventually
from tests.services import INSTANCE, LiveKitServer
from tools.local import Instance, LiveKit

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
        _forget_webhooks()
        yield stack
    finally:
        stack.stop()
    empty_queues()


def _forget_webhooks() -> None:
    """Restart LiveKit: it holds back those of our calls behind older ones, which no web process was there to take."""
    server = LiveKit(INSTANCE)
    server.stop()
    server.start()


def empty_queues() -> None:
    """Messages that nobody took must not reach other tests."""
    with app.connection_for_write() as connection:
        for queue in (CALLS, DEAD_CALLS, HOUSEKEEPING):
            bound = queue(connection.default_channel)
            bound.declare()  # a queue that no worker has declared yet cannot be purged
            bound.purge()


@pytest.fixture(scope="module")
def worker(stack: Stack) -> Iterator[Process]:
    """A worker with four slots."""
    with stack.worker(slots=4) as process:
        yield process


@pytest.fixture
def quiet(stack: Stack, transactional_db: None) -> Iterator[None]:
    """After the test every room is closed and its last webhook has come: nothing writes while tables are emptied."""
    yield
    close_rooms()


def close_rooms() -> None:
    """Close the rooms of all webhooks, and wait for the last one of each."""
    for room in set(WebhookEvent.objects.values_list("room_name", flat=True)):
        asyncio.run(rooms.delete_room(room))
        finished = WebhookEvent.objects.filter(room_name=room, kind="room_finished")
        eventually(finished.exists, f"end of room {room}")


@pytest.fixture
def number(quiet: None) -> PhoneNumber:
    """A number with a published persona that greets in one short sentence."""
    return make_number(NUMBER, make_persona("Anna", greeting="Hello, this is Anna.", voice_id="rachel"))
