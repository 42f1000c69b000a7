"""Callers who hang up while the agent joins cost a call each, and never a worker."""

import asyncio
import time

import pytest

from calls.models import Call, PhoneNumber
from calls.states import FINAL
from tests.faults.callers.short_calls import join_and_leave
from tests.faults.scenarios import SHORT_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually

pytestmark = [pytest.mark.django_db(transaction=True)]

CALLS = 200
PANICS_AFTER_S = 16.0  # LiveKit's native client waits 15 s for an answer to what it has promised


def test_24_200_callers_who_join_and_leave_at_once_leave_the_same_workers_and_the_next_caller_is_answered(
    stack: Stack, number: PhoneNumber
) -> None:
    with stack.beat(), stack.worker("first") as first, stack.worker("second") as second:
        workers = [first, second]
        pids = [worker.pid for worker in workers]
        rooms = asyncio.run(join_and_leave(CALLS, at_once=4, to=NUMBER))
        last_left_at = time.monotonic()
        with Caller(stack, stack.script(SHORT_CHAT), NUMBER) as caller:
            caller.wait_for("answered")
            report = caller.report
        final = Call.objects.filter(room_name__in=rooms, status__in=FINAL)
        eventually(lambda: final.count() == CALLS, "every short call is over")
        time.sleep(max(0.0, PANICS_AFTER_S - (time.monotonic() - last_left_at)))  # what does not happen tells nobody

        assert [worker.pid for worker in workers] == pids
        assert not [worker.name for worker in workers if "panic" in worker.log.lower()]
    assert report.every_reply_heard
    print(f"the next caller was answered after {caller.answered_after_s:.2f} s")
