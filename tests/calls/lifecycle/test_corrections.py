"""What a worker that could not write for a while says of its call's end takes the place of what was concluded."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls.lifecycle import corrections, services
from calls.models import Call
from calls.states import FINAL, EndReason, Status
from tests.factories import make_call
from workers.history import entries
from workers.history.entries import Entry, Outcome

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def claimed(**values: Any) -> Call:
    """A call that its worker took ten seconds ago."""
    return make_call(Status.CONNECTING, attempt=1, claimed_at=NOW - timedelta(seconds=10), **values)


def write(call: Call, kind: str, **fields: object) -> Outcome:
    """What the call's worker writes."""
    entry = Entry(kind, str(call.pk), call.attempt, {"at": NOW.isoformat(), **fields})  # type: ignore[arg-type]
    return entries.write([(1, entry)])[1]


def ends(call: Call) -> list[tuple[str, str]]:
    """The end of the call by its row, and by its history."""
    call.refresh_from_db()
    told = [(event.to_status, event.detail["reason"]) for event in call.events.filter(to_status__in=sorted(FINAL))]
    return [(call.status, call.end_reason), *told]


def test_a_goodbye_takes_the_place_of_a_room_that_was_gone() -> None:
    call = claimed(answered_at=NOW - timedelta(seconds=8))
    services.end_call(call.pk, Status.FAILED, EndReason.ROOM_GONE)

    assert write(call, "ended", status="completed", reason="agent_goodbye", detail="") == Outcome.WRITTEN

    assert ends(call) == [("completed", "agent_goodbye")] * 2


def test_a_caller_who_had_been_answered_is_not_missed() -> None:
    call = claimed()
    services.end_abandoned(call)
    assert ends(call) == [("missed", "caller_gave_up")] * 2

    assert write(call, "answered", at=(NOW - timedelta(seconds=8)).isoformat()) == Outcome.WRITTEN
    assert write(call, "ended", status="completed", reason="caller_left", detail="") == Outcome.WRITTEN

    assert ends(call) == [("completed", "caller_left")] * 2
    assert call.claimed_at
    assert call.answered_at
    assert call.ended_at
    assert call.claimed_at < call.answered_at <= call.ended_at


def test_one_conclusion_is_as_good_as_another() -> None:
    call = claimed(answered_at=NOW - timedelta(seconds=8))
    services.end_call(call.pk, Status.COMPLETED, EndReason.CALLER_LEFT)

    assert write(call, "ended", status="failed", reason="room_gone", detail="") == Outcome.ENDED_BEFORE

    assert ends(call) == [("completed", "caller_left")] * 2


def test_what_somebody_decided_stays() -> None:
    call = claimed(answered_at=NOW - timedelta(seconds=8))
    services.end_call(call.pk, Status.COMPLETED, EndReason.HUNG_UP)

    assert write(call, "ended", status="completed", reason="agent_goodbye", detail="") == Outcome.ENDED_BEFORE

    assert ends(call) == [("completed", "hung_up")] * 2


def test_an_old_attempt_corrects_nothing() -> None:
    call = claimed(answered_at=NOW - timedelta(seconds=8))
    services.end_call(call.pk, Status.FAILED, EndReason.ROOM_GONE)
    Call.objects.filter(pk=call.pk).update(attempt=2)

    assert not corrections.ended(call.pk, 1, Status.COMPLETED, EndReason.AGENT_GOODBYE, at=NOW)
    assert not corrections.answered(call.pk, 1, NOW)


def test_a_failure_after_the_caller_had_left_is_no_failed_call() -> None:
    call = claimed(answered_at=NOW - timedelta(seconds=8))
    services.end_call(call.pk, Status.COMPLETED, EndReason.CALLER_LEFT)

    assert write(call, "ended", status="failed", reason="provider_failure", detail="tts") == Outcome.ENDED_BEFORE
