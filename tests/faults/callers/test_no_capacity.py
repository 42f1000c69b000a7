"""Every slot holds a call, and somebody else calls."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from agents.models import SpokenLine
from calls.lifecycle import overflow
from calls.models import Call, PhoneNumber
from calls.states import Direction, EndReason, Status
from tests.factories import client_of
from tests.faults.callers.waiting import LISTENS, busy_agent, call_of, hang_up, patient_number
from tests.faults.outside import agents_that_joined, claims, web_away
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet", "one_slot")]


@pytest.fixture(scope="module")
def one_slot(stack: Stack) -> Iterator[Process]:
    """A worker that can hold one call."""
    with stack.worker(slots=1) as process:
        yield process


def _speak_message(number: PhoneNumber) -> None:
    """As when the number is saved in the admin."""
    overflow.speak_messages(number)
    eventually(SpokenLine.objects.filter(text=number.overflow_message).exists, "the message spoken in advance")


def test_08_all_slots_busy_rings_until_one_is_free(stack: Stack) -> None:
    patient_number()
    with busy_agent(stack) as first, Caller(stack, LISTENS, NUMBER) as second:
        call_of(second, Status.QUEUED)
        assert second.count("answered") == 0
        hang_up(first)
        second.wait_for("agent_speaking")
        answered = call_of(second, Status.IN_PROGRESS)
        hang_up(second)

    assert answered.claimed_at is not None
    assert answered.claimed_at >= (final_call(first.room).ended_at or answered.claimed_at)
    assert agents_that_joined(second.room) == ["agent-1"]


def test_08_all_slots_busy_rings_then_overflows_to_the_message_and_goodbye(stack: Stack) -> None:
    _speak_message(patient_number(ring_time_s=5))
    with stack.beat(), busy_agent(stack) as first:
        with Caller(stack, LISTENS, NUMBER, ring_timeout_s=90.0) as second:
            report = second.report
        assert call_of(first, Status.IN_PROGRESS).attempt == 1

    missed = final_call(second.room)
    assert (missed.status, missed.end_reason) == (Status.MISSED, EndReason.NO_AGENT_FREE)
    assert (claims(missed), agents_that_joined(second.room)) == (0, [])
    assert report.ended_by == "agent"
    assert report.pickup_ms is not None
    assert report.pickup_ms > 5000
    assert sum(ended - began for began, ended in report.agent_spoke) > 2


def test_08_a_caller_who_waits_while_housekeeping_is_restarted_still_hears_the_message(stack: Stack) -> None:
    _speak_message(patient_number(ring_time_s=5))
    with stack.beat(), busy_agent(stack), Caller(stack, LISTENS, NUMBER, ring_timeout_s=90.0) as second:
        call_of(second, Status.QUEUED)
        stack.stop_one("housekeeping")
        stack.start_housekeeping()
        report = second.report

    assert final_call(second.room).end_reason == EndReason.NO_AGENT_FREE
    assert report.ended_by == "agent"
    assert sum(ended - began for began, ended in report.agent_spoke) > 2


def test_08_a_caller_whose_message_is_cut_short_with_housekeeping_is_hung_up_on_soon(stack: Stack) -> None:
    _speak_message(patient_number(ring_time_s=5))
    with stack.beat(), busy_agent(stack), Caller(stack, LISTENS, NUMBER, ring_timeout_s=90.0) as second:
        second.wait_for("agent_speaking")
        stack.named("housekeeping").kill()
        stack.stop_one("housekeeping")
        stack.start_housekeeping()
        report = second.report

    assert final_call(second.room).end_reason == EndReason.NO_AGENT_FREE
    assert report.ended_by == "agent"
    assert report.agent_spoke


def test_08_outbound_is_refused_with_429_when_there_is_no_capacity(stack: Stack) -> None:
    number = patient_number()
    client = client_of(superuser=True)

    def place() -> Any:
        asked = {"to": "+12025550199", "from": number.e164}
        return client.post("/api/calls", asked, content_type="application/json")

    def accept() -> Any:
        answer = place()
        return answer if answer.status_code == 202 else None

    with override_settings(INBOUND_RESERVE=0):
        with busy_agent(stack) as first:
            refused = place()
            assert call_of(first, Status.IN_PROGRESS).attempt == 1
        final_call(first.room)
        accepted = eventually(accept, "a free slot")  # which comes a moment after the call's end
    placed = final_call(accepted.json()["room_name"])
    kept_for_callers = place()

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert "No capacity: slots free: 0" in refused.json()["detail"]
    assert accepted.status_code == 202
    assert (placed.status, placed.end_reason) == (Status.FAILED, EndReason.DIAL_FAILED)
    assert placed.end_detail == f"LiveKit has no outbound trunk for {NUMBER}: run manage.py setup_livekit_sip"
    assert kept_for_callers.status_code == 429
    assert Call.objects.filter(direction=Direction.OUTBOUND).count() == 1


def test_09_waiting_caller_hangs_up_is_missed_and_takes_no_slot(stack: Stack) -> None:
    patient_number()
    with busy_agent(stack) as first:
        with Caller(stack, LISTENS, NUMBER, ring_timeout_s=4.0) as second:
            report = second.report
        missed = final_call(second.room)
        assert call_of(first, Status.IN_PROGRESS).attempt == 1

    assert not report.answered
    assert (missed.status, missed.end_reason) == (Status.MISSED, EndReason.CALLER_GAVE_UP)
    assert (missed.attempt, claims(missed), agents_that_joined(second.room)) == (0, 0, [])


def test_09_a_waiting_caller_who_hangs_up_while_web_is_away_is_missed_and_takes_no_slot(stack: Stack) -> None:
    patient_number()
    with stack.beat(), busy_agent(stack) as first:
        with Caller(stack, LISTENS, NUMBER) as second:
            call_of(second, Status.QUEUED)
            with web_away(stack):
                second.give_up()
            missed = final_call(second.room)
        assert call_of(first, Status.IN_PROGRESS).attempt == 1

    assert (missed.status, missed.end_reason) == (Status.MISSED, EndReason.CALLER_GAVE_UP)
    assert (missed.attempt, claims(missed), agents_that_joined(second.room)) == (0, 0, [])
