"""How calls share the slots of workers."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from calls.models import PhoneNumber
from calls.states import Status
from simulator.caller import CallerEvent, CallReport
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, final_call

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = """
name: short
caller:
  steps:
    - wait_for_reply: {timeout_s: 60}
    - stay_silent: {seconds: 3}
    - hang_up
"""
OTHER_CALLER = "+12025550124"


@pytest.fixture(scope="module")
def one_slot(stack: Stack) -> Iterator[Process]:
    """A worker that holds one call at a time."""
    with stack.worker("left", slots=1) as process:
        yield process


def _place(stack: Stack, answered: asyncio.Event, **values: Any) -> asyncio.Task[CallReport]:
    """Place a call; `answered` is set when the agent speaks."""

    def on_event(event: CallerEvent) -> None:
        if event.kind == "agent_speaking":
            answered.set()

    return asyncio.create_task(stack.place(SHORT, NUMBER, on_event, **values))


async def _call_then_another(stack: Stack, **second: Any) -> tuple[CallReport, CallReport]:
    """Place a call; when the agent speaks, place another one."""
    answered = asyncio.Event()
    first = _place(stack, answered)
    await answered.wait()
    other = await stack.place(SHORT, NUMBER, from_number=OTHER_CALLER, **second)
    return await first, other


@pytest.mark.usefixtures("one_slot")
def test_a_second_call_to_a_worker_with_one_slot_waits_and_starts_when_the_first_ends(
    stack: Stack, number: PhoneNumber
) -> None:
    reports = asyncio.run(_call_then_another(stack))
    first, second = (final_call(report.room) for report in reports)

    assert first.ended_at is not None
    assert second.claimed_at is not None
    assert second.claimed_at >= first.ended_at
    assert {first.status, second.status} == {Status.COMPLETED}


@pytest.mark.usefixtures("one_slot")
def test_a_caller_who_hangs_up_while_waiting_is_missed_and_costs_no_slot(stack: Stack, number: PhoneNumber) -> None:
    held, gave_up = (final_call(report.room) for report in asyncio.run(_call_then_another(stack, ring_timeout_s=1.0)))

    assert held.status == Status.COMPLETED
    assert (gave_up.status, gave_up.attempt) == (Status.MISSED, 0)


@pytest.mark.usefixtures("one_slot")
def test_two_workers_share_the_load_and_one_that_is_asked_to_stop_finishes_its_call(
    stack: Stack, number: PhoneNumber
) -> None:
    async def two_calls(second: Process) -> list[str]:
        answered = [asyncio.Event(), asyncio.Event()]
        calls = [_place(stack, answered[0]), _place(stack, answered[1], from_number=OTHER_CALLER)]
        for each in answered:
            await each.wait()
        await asyncio.to_thread(second.daemon.stop, patience_s=45.0)
        return [report.room for report in await asyncio.gather(*calls)]

    with stack.worker("right", slots=1) as right:
        calls = [final_call(room) for room in asyncio.run(two_calls(right))]

    assert {call.status for call in calls} == {Status.COMPLETED}
    assert len({call.lease_holder for call in calls}) == 2
    assert all(call.turns.exists() for call in calls)
