"""A running product for the tests that break something under it.

Each test is named for its row in the fault table of docs/OPERATIONS.md.
"""

from collections.abc import Iterator

import pytest

from calls.models import WebhookEvent
from tests.factories import webhook_request
from tests.faults.outside import post
from tests.product.fixtures import number, quiet, stack, worker
from tests.product.stack import Stack

__all__ = ["number", "quiet", "stack", "worker"]


@pytest.fixture
def beat(stack: Stack) -> Iterator[None]:
    """Sweep and reaper run."""
    with stack.beat():
        yield


@pytest.fixture
def rooms_end(quiet: None) -> Iterator[None]:
    """For rooms that LiveKit cannot say the end of, made up or gone with the server: the test says it instead."""
    yield
    for room in set(WebhookEvent.objects.values_list("room_name", flat=True)):
        post(webhook_request("room_finished", room))
