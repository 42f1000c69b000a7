"""Workers killed, stopped and replaced under live calls: the row is the truth, and another slot resumes from it."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from agents.phrases import ENGLISH
from calls.lifecycle.leases import RESUME_WITHIN
from calls.models import Call, PhoneNumber, Turn
from calls.states import EndReason, Status
from simulator.caller import CallReport
from tests.factories import make_number, make_persona
from tests.faults.outside import agents_that_joined, said
from tests.faults.scenarios import AGENT, APPOINTMENT, GREETING, HOURS
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("beat")]

GOES_ON_AFTER_THE_LOSS = (
    f"""
name: goes on after the loss
caller:
  steps:
    - wait_for_reply: {{timeout_s: 60}}
    - say: "{HOURS[0]}"
    - wait_for_reply: {{timeout_s: 30}}
    - wait_for_reply: {{timeout_s: 60, silence_ms: 3000}}
    - say: "{APPOINTMENT[0]}"
    - wait_for_reply: {{timeout_s: 30}}
    - hang_up
"""
    + AGENT
)
TWO_QUESTIONS = (
    f"""
name: two questions
caller:
  steps:
    - wait_for_reply: {{timeout_s: 60}}
    - say: "{HOURS[0]}"
    - wait_for_reply: {{timeout_s: 60}}
    - stay_silent: {{seconds: 4}}
    - say: "{APPOINTMENT[0]}"
    - wait_for_reply: {{timeout_s: 60}}
    - hang_up
"""
    + AGENT
)
ANSWERS_SOON = (
    f"""
name: answers soon
caller:
  steps:
    - wait_for_reply: {{timeout_s: 60, silence_ms: 4000}}
    - say: "{HOURS[0]}"
    - wait_for_reply: {{timeout_s: 60, silence_ms: 1500}}
    - say: "{APPOINTMENT[0]}"
    - wait_for_reply: {{timeout_s: 60}}
    - hang_up
"""
    + AGENT
)
ENDLESS_CHAT = (
    """
name: endless chat
caller:
  steps:
    - wait_for_reply: {timeout_s: 60}
"""
    + 50
    * f"""
    - say: "{HOURS[0]}"
    - wait_for_reply: {{timeout_s: 60}}
    - stay_silent: {{seconds: 6}}
"""
    + AGENT
)
LOST = (
    """
name: lost
caller:
  steps:
    - wait_for_reply: {timeout_s: 60}
    - stay_silent: {seconds: 90}
"""
    + AGENT
)


@pytest.fixture
def number(quiet: None) -> PhoneNumber:
    """A number that rings for long, and whose agent does not ask into a silence."""
    persona = make_persona("Anna", greeting=GREETING, voice_id="rachel", silence_after_s=60)
    return make_number(NUMBER, persona, ring_time_s=120)


@contextmanager
def two_workers(stack: Stack, **environment: Any) -> Iterator[list[Process]]:
    """Two workers, either of which may take a call."""
    with stack.worker("first", **environment) as first, stack.worker("second", **environment) as second:
        yield [first, second]


def holder(workers: list[Process]) -> Process:
    """Return the worker that holds the only call."""
    [call] = answered_calls(1)
    return next(worker for worker in workers if call.lease_holder.endswith(f":{worker.pid}"))


def answered_calls(count: int) -> list[Call]:
    """Return the live calls once so many are answered."""
    rows = Call.objects.filter(status=Status.IN_PROGRESS)
    return eventually(lambda: list(rows) if rows.count() == count else None, f"{count} calls answered")


def wait_until_answered(caller: Caller) -> None:
    """Return once the caller has heard the answer to its question, and the answer is written down."""
    caller.wait_for("agent_silent", times=2)
    turns = Turn.objects.filter(call__room_name=caller.room, text=HOURS[-1])
    eventually(turns.exists, "the answer in the history")


def hang_up_after_another_reply(caller: Caller) -> CallReport:
    """Let the caller ask and hear the whole answer once more; the next question comes seconds later."""
    caller.wait_for_another("reply")
    caller.wait_for_another("agent_silent")
    return caller.hang_up()


def assert_resumed_with_the_conversation_so_far(stack: Stack, call: Call) -> None:
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (call.attempt, call.losses) == (2, 1)
    assert said(call) == [GREETING, *HOURS, ENGLISH.resumed, *APPOINTMENT]
    assert agents_that_joined(call.room_name) == ["agent-1", "agent-2"]
    last_request = str(stack.control("GET", "requests")["llm"][-1])
    assert all(words in last_request for words in HOURS)


@pytest.mark.quick
def test_01_a_worker_is_killed_and_its_call_resumes_in_the_same_room_with_the_same_conversation(
    stack: Stack, number: PhoneNumber
) -> None:
    yaml = stack.script(GOES_ON_AFTER_THE_LOSS)
    with two_workers(stack) as workers, Caller(stack, yaml, NUMBER) as caller:
        wait_until_answered(caller)
        holder(workers).kill()
        report = caller.report
    call = final_call(report.room)

    assert report.every_reply_heard
    assert_resumed_with_the_conversation_so_far(stack, call)
    assert [event.kind for event in call.events.filter(kind="agent_lost")] == ["agent_lost"]


def test_01_a_worker_is_killed_while_its_agent_speaks_and_the_next_one_says_so_and_answers(
    stack: Stack, number: PhoneNumber
) -> None:
    yaml = stack.script(GOES_ON_AFTER_THE_LOSS)
    with two_workers(stack) as workers, Caller(stack, yaml, NUMBER) as caller:
        worker = holder(workers)
        caller.wait_for("reply")
        worker.kill()
        report = caller.report
    call = final_call(report.room)

    assert (call.status, call.attempt, call.losses) == (Status.COMPLETED, 2, 1)
    assert said(call) == [GREETING, HOURS[0], ENGLISH.resumed, HOURS[1], *APPOINTMENT]


def test_02_with_no_slot_anywhere_a_lost_call_is_resumed_when_there_is_one(stack: Stack, number: PhoneNumber) -> None:
    with stack.worker("first") as first, Caller(stack, stack.script(GOES_ON_AFTER_THE_LOSS), NUMBER) as caller:
        wait_until_answered(caller)
        first.kill()
        waiting = Call.objects.filter(status=Status.QUEUED, losses=1)
        eventually(waiting.exists, "the lost call waits")
        with stack.worker("second"):
            report = caller.report

    assert report.every_reply_heard
    assert_resumed_with_the_conversation_so_far(stack, final_call(report.room))


def test_02_with_no_slot_for_too_long_a_lost_call_is_ended_with_its_reason_and_hung_up(
    stack: Stack, number: PhoneNumber
) -> None:
    with stack.worker("first") as first, Caller(stack, stack.script(LOST), NUMBER) as caller:
        caller.wait_for("agent_silent")
        first.kill()
        waiting = Call.objects.filter(status=Status.QUEUED, losses=1)
        eventually(waiting.exists, "the lost call waits")
        waiting.update(queued_at=Now() - RESUME_WITHIN + timedelta(seconds=5))  # most of the wait is over
        report = caller.report
    call = final_call(report.room)

    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.AGENT_LOST)
    assert report.ended_by == "agent"


def test_03_a_worker_that_is_stopped_finishes_its_call_and_takes_no_new_one(stack: Stack, number: PhoneNumber) -> None:
    with stack.worker("first") as first, Caller(stack, stack.script(TWO_QUESTIONS), NUMBER) as caller:
        caller.wait_for("reply")
        terminate(first)
        with Caller(stack, stack.script(TWO_QUESTIONS), NUMBER, from_number="+12025550124") as late:
            report = caller.report
            assert Call.objects.get(room_name=late.room).status == Status.QUEUED
            with stack.worker("second"):
                late_report = late.report

    assert report.every_reply_heard
    assert final_call(report.room).attempt == 1
    assert late_report.every_reply_heard
    assert final_call(late_report.room).attempt == 1


def test_03_at_the_deadline_a_stopping_worker_hands_its_call_over_and_nothing_is_said_twice(
    stack: Stack, number: PhoneNumber
) -> None:
    yaml = stack.script(TWO_QUESTIONS)
    with two_workers(stack, DRAIN_SECONDS="1") as workers, Caller(stack, yaml, NUMBER) as caller:
        caller.wait_for("reply")
        terminate(holder(workers))
        report = caller.report
    call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.attempt, call.losses) == (Status.COMPLETED, 2, 0)
    assert said(call) == [GREETING, *HOURS, *APPOINTMENT]


def test_03_what_the_caller_says_between_two_agents_is_answered_by_the_second(
    stack: Stack, number: PhoneNumber
) -> None:
    with (
        stack.worker("first", DRAIN_SECONDS="1") as first,
        Caller(stack, stack.script(ANSWERS_SOON), NUMBER) as caller,
    ):
        answered_calls(1)
        with stack.worker("second") as second:
            second.send(signal.SIGSTOP)
            caller.wait_for("reply")
            terminate(first)
            caller.wait_for("caller_silent", times=2)
            second.send(signal.SIGCONT)
            report = caller.report
    call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.attempt, call.losses) == (Status.COMPLETED, 2, 0)
    assert said(call) == [GREETING, *HOURS, *APPOINTMENT]


def test_04_a_rolling_restart_of_every_worker_loses_no_call_and_none_is_heard_twice(
    stack: Stack, number: PhoneNumber
) -> None:
    names = iter(f"worker{index}" for index in range(9))
    callers = [f"+1202555013{index}" for index in range(3)]
    yaml = stack.script(ENDLESS_CHAT)
    with ExitStack() as running:
        old = [running.enter_context(stack.worker(next(names), slots=2, DRAIN_SECONDS="1")) for _ in range(2)]
        calls = [running.enter_context(Caller(stack, yaml, NUMBER, from_number=caller)) for caller in callers]
        answered_calls(3)
        for worker in old:
            running.enter_context(stack.worker(next(names), slots=3, DRAIN_SECONDS="1"))
            terminate(worker)
            eventually(lambda worker=worker: worker.daemon.pid() is None, f"end of {worker.name}")  # type: ignore[misc]
        with ThreadPoolExecutor(len(calls)) as at_once:
            reports = list(at_once.map(hang_up_after_another_reply, calls))

    for report in reports:
        call = final_call(report.room)
        assert report.every_reply_heard
        assert (call.status, call.end_reason, call.losses) == (Status.COMPLETED, EndReason.CALLER_LEFT, 0)
        assert said(call) == [GREETING, *len(report.utterances) * HOURS]
    assert max(final_call(report.room).attempt for report in reports) > 1


def test_a_worker_that_was_frozen_leaves_the_call_that_another_has_taken_over(
    stack: Stack, number: PhoneNumber
) -> None:
    yaml = stack.script(GOES_ON_AFTER_THE_LOSS)
    with two_workers(stack) as workers, Caller(stack, yaml, NUMBER) as caller:
        wait_until_answered(caller)
        frozen = holder(workers)
        os.kill(frozen.pid, signal.SIGSTOP)
        caller.wait_for_another("agent_speaking")
        os.kill(frozen.pid, signal.SIGCONT)
        report = caller.report

    assert report.every_reply_heard
    assert_resumed_with_the_conversation_so_far(stack, final_call(report.room))


def terminate(worker: Process) -> None:
    """Ask it to stop, as a supervisor does, and do not wait."""
    os.kill(worker.pid, signal.SIGTERM)
