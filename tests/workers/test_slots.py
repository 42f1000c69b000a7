"""How calls share the slots of workers."""

import asyncio

import pytest

from calls.models import Call, PhoneNumber
from calls.states import Status
from tests.stack import Stack, final_call
from tests.workers.conftest import NUMBER

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = """
name: short
caller:
  steps:
    - wait_for_reply: {timeout_s: 60}
    - stay_silent: {seconds: 3}
    - hang_up
"""


async def _two_calls(stack: Stack) -> list[str]:
    reports = await asyncio.gather(stack.place(SHORT, NUMBER), stack.place(SHORT, NUMBER, from_number="+12025550124"))
    assert all(report.pickup_ms for report in reports)
    return [report.room for report in reports]


def test_a_second_call_to_a_worker_with_one_slot_waits_and_starts_when_the_first_ends(
    stack: Stack, number: PhoneNumber
) -> None:
    with stack.worker(slots=1):
        first, second = sorted(
            (final_call(room) for room in asyncio.run(_two_calls(stack))), key=lambda call: call.claimed_at or 0
        )
    assert first.ended_at is not None
    assert second.claimed_at is not None
    assert second.claimed_at >= first.ended_at
    assert {first.status, second.status} == {Status.COMPLETED}


def test_two_workers_share_the_load(stack: Stack, number: PhoneNumber) -> None:
    with stack.worker("left", slots=1), stack.worker("right", slots=1):
        calls = [final_call(room) for room in asyncio.run(_two_calls(stack))]

    assert {call.status for call in calls} == {Status.COMPLETED}
    assert len({call.lease_holder for call in calls}) == 2


def test_a_worker_that_is_asked_to_stop_finishes_its_call(stack: Stack, number: PhoneNumber) -> None:
    async def call_and_stop_worker() -> str:
        answered = asyncio.Event()
        with stack.worker("stopping", slots=1) as worker:
            placing = asyncio.create_task(
                stack.place(SHORT, NUMBER, lambda event: answered.set() if event.kind == "agent_speaking" else None)
            )
            await answered.wait()
            await asyncio.to_thread(worker.daemon.stop, patience_s=30.0)
            return (await placing).room

    call = final_call(asyncio.run(call_and_stop_worker()))
    assert call.status == Status.COMPLETED
    assert call.turns.exists()


def test_a_caller_who_hangs_up_while_waiting_is_missed_and_costs_no_slot(stack: Stack, number: PhoneNumber) -> None:
    report = stack.call(SHORT, NUMBER, ring_timeout_s=1.0)
    call = final_call(report.room)
    assert call.status == Status.MISSED
    assert call.attempt == 0
    with stack.worker(slots=1):
        assert final_call(stack.call(SHORT, NUMBER).room).status == Status.COMPLETED
    assert Call.objects.get(pk=call.pk).attempt == 0
