"""One worker cut off from one service while the others are not: somebody else answers, and nobody is cut off."""

import os
import signal

import pytest
from django.conf import settings

from agents.phrases import ENGLISH
from agents.providers import registry
from agents.providers.accounts import account_of
from calls.models import PhoneNumber
from calls.states import EndReason, Status
from tests.factories import make_number, make_persona
from tests.faults.outside import agents_that_joined, said
from tests.faults.scenarios import AGENT, APPOINTMENT, GREETING, HOURS
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, database_url, eventually, final_call
from tests.services import INSTANCE
from tools.chaos.network.wire import Wire

pytestmark = pytest.mark.django_db(transaction=True)

TALKS_WITH_THE_NEXT_AGENT = (
    f"""
name: talks with the next agent
caller:
  steps:
    - wait_for_reply: {{timeout_s: 60}}
    - say: "{HOURS[0]}"
    - wait_for_reply: {{timeout_s: 30}}
    - wait_for_reply: {{timeout_s: 60, silence_ms: 3000}}
    - say: "{APPOINTMENT[0]}"
    - wait_for_reply: {{timeout_s: 30}}
    - stay_silent: {{seconds: 8}}
    - say: "{HOURS[0]}"
    - wait_for_reply: {{timeout_s: 30}}
    - hang_up
"""
    + AGENT
)

ASKS_AGAIN_AND_AGAIN = (
    """
name: asks again and again
caller:
  steps:
    - wait_for_reply: {timeout_s: 60}
"""
    + 50
    * f"""
    - say: "{HOURS[0]}"
    - wait_for_reply: {{timeout_s: 60}}
    - stay_silent: {{seconds: 2}}
"""
    + AGENT
)
SLOW_QUERY_S = 0.3


@pytest.fixture
def number(quiet: None) -> PhoneNumber:
    """A number that rings for long, and whose agent does not ask into a silence."""
    persona = make_persona("Anna", greeting=GREETING, voice_id="rachel", silence_after_s=60)
    return make_number(NUMBER, persona, ring_time_s=120)


@pytest.mark.usefixtures("beat")
def test_25_a_worker_that_loses_postgresql_alone_leaves_its_caller_to_another_and_closes_no_room(
    stack: Stack, number: PhoneNumber
) -> None:
    with (
        Wire(database_url()).open() as wire,
        stack.worker("cut-off", slots=1, DATABASE_URL=wire.url) as cut_off,
        Caller(stack, stack.script(TALKS_WITH_THE_NEXT_AGENT), NUMBER) as caller,
    ):
        caller.wait_for("reply")
        caller.wait_for("agent_silent", times=2)
        with stack.worker("whole"):
            wire.cut()
            report = caller.report
            call = final_call(report.room)
        assert "call_ended" not in cut_off.log

    assert report.every_reply_heard, report
    assert report.ended_by == "caller"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (call.attempt, call.losses) == (2, 1)
    assert agents_that_joined(report.room) == ["agent-1", "agent-2"]
    assert said(call)[-5:] == [ENGLISH.resumed, *APPOINTMENT, *HOURS]


def test_26_postgresql_away_during_a_hand_over_the_conversation_continues_until_it_is_back(
    stack: Stack, number: PhoneNumber
) -> None:
    with (
        Wire(database_url()).open() as wire,
        stack.worker("stopping", slots=1, DATABASE_URL=wire.url, DRAIN_SECONDS="1") as stopping,
        Caller(stack, stack.script(ASKS_AGAIN_AND_AGAIN), NUMBER, max_seconds=300.0) as caller,
    ):
        caller.wait_for("reply", times=2)
        with stack.worker("next"):
            wire.cut()
            os.kill(stopping.pid, signal.SIGTERM)
            eventually(lambda: "calls_handed_over" in stopping.log, "the end of DRAIN_SECONDS")
            for _ in range(3):
                caller.wait_for_another("reply")
            wire.mend()
            eventually(lambda: "agent-2" in agents_that_joined(caller.room), "the next agent")
            caller.wait_for_another("reply")
            caller.wait_for_another("agent_silent")
            report = caller.hang_up()
            call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert (call.attempt, call.losses) == (2, 0)
    assert said(call) == [GREETING, *len(report.utterances) * HOURS]


@pytest.mark.usefixtures("beat")
def test_27_a_worker_that_loses_rabbitmq_alone_finishes_its_call_and_others_take_the_next(
    stack: Stack, number: PhoneNumber
) -> None:
    with (
        Wire(INSTANCE.broker_url).open() as wire,
        stack.worker("cut-off", slots=1, CELERY_BROKER_URL=wire.url),
        Caller(stack, stack.script(ASKS_AGAIN_AND_AGAIN), NUMBER, max_seconds=300.0) as caller,
    ):
        caller.wait_for("reply", times=2)
        with stack.worker("whole", slots=2):
            wire.cut()
            with Caller(stack, stack.script(ASKS_AGAIN_AND_AGAIN), NUMBER, from_number="+12025550124") as other:
                other.wait_for("reply", times=2)
                caller.wait_for_another("reply")
                caller.wait_for_another("agent_silent")
                calls = [final_call(each.hang_up().room) for each in (other, caller)]
            wire.mend()

    assert [(call.status, call.end_reason, call.attempt) for call in calls] == 2 * [
        (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    ]


@pytest.mark.usefixtures("beat")
def test_28_a_worker_that_loses_livekit_alone_leaves_its_caller_to_another_and_takes_no_other(
    stack: Stack, number: PhoneNumber
) -> None:
    with (
        Wire(settings.LIVEKIT_URL).open() as wire,
        stack.worker("cut-off", slots=2, LIVEKIT_URL=wire.url) as cut_off,
        Caller(stack, stack.script(ASKS_AGAIN_AND_AGAIN), NUMBER, max_seconds=300.0) as caller,
    ):
        caller.wait_for("reply", times=2)
        with stack.worker("whole", slots=4):
            wire.cut()
            eventually(lambda: "agent-2" in agents_that_joined(caller.room), "the next agent", timeout_s=120.0)
            caller.wait_for_another("reply")
            for late in range(3):
                other = f"+1202555014{late}"
                with Caller(stack, stack.script(ASKS_AGAIN_AND_AGAIN), NUMBER, from_number=other) as next_caller:
                    next_caller.wait_for("agent_silent")
                    assert final_call(next_caller.hang_up().room).end_reason == EndReason.CALLER_LEFT
            caller.wait_for_another("reply")
            call = final_call(caller.hang_up().room)
        assert "call_left" in cut_off.log

    assert (call.status, call.end_reason, call.losses) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)


@pytest.mark.usefixtures("beat")
def test_29_a_worker_that_loses_a_provider_alone_answers_through_the_fallback(
    stack: Stack, number: PhoneNumber
) -> None:
    url = account_of(registry.get("openai")).base_url
    with (
        Wire(url).open() as wire,
        stack.worker(OPENAI_BASE_URL=wire.url, FALLBACK_OPENAI_BASE_URL=url),
        Caller(stack, stack.script(ASKS_AGAIN_AND_AGAIN), NUMBER, max_seconds=300.0) as caller,
    ):
        caller.wait_for("reply", times=2)
        wire.cut()
        for _ in range(2):
            caller.wait_for_another("reply")
        caller.wait_for_another("agent_silent")
        report = caller.hang_up()
        call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    assert call.events.filter(kind="failover").exists()


@pytest.mark.usefixtures("beat")
def test_30_with_a_database_that_takes_300_ms_for_a_query_calls_are_answered_kept_and_written(
    stack: Stack, number: PhoneNumber
) -> None:
    with Wire(database_url(), delay_s=SLOW_QUERY_S).open() as wire, stack.worker(slots=2, DATABASE_URL=wire.url):
        with Caller(stack, stack.script(ASKS_AGAIN_AND_AGAIN), NUMBER, max_seconds=300.0) as caller:
            caller.wait_for("reply", times=5)
            caller.wait_for_another("agent_silent")
            report = caller.hang_up()
        call = final_call(report.room)

    assert report.every_reply_heard
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    assert agents_that_joined(report.room) == ["agent-1"]
    assert said(call) == [GREETING, *len(report.utterances) * HOURS]
