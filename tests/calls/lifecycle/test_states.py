"""The state machine: which moves are allowed, and that a move and its event are one."""

import itertools
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from calls.lifecycle import leases, services
from calls.models import Call
from calls.states import ALLOWED_FROM, FINAL, LIVE, EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import make_call

pytestmark = pytest.mark.django_db

EVERY_MOVE = list(itertools.product(Status, Status))
ALLOWED = [(old, new) for old, new in EVERY_MOVE if old in ALLOWED_FROM[new]]
FORBIDDEN = [(old, new) for old, new in EVERY_MOVE if old not in ALLOWED_FROM[new]]


@pytest.fixture(autouse=True)
def without_broker(sent: SentMessages) -> None:
    """What is sent on commit stays here."""


def move(call: Call, to: Status) -> bool:
    """Try the move through the service that makes it."""
    if to == Status.CONNECTING:
        return leases.claim("worker:2") is not None
    if to == Status.QUEUED:
        return leases.hand_over(call.pk, call.attempt)
    if to == Status.IN_PROGRESS:
        return services.answer_call(call.pk, call.attempt, timezone.now())
    return services.end_call(call.pk, to, EndReason.CALLER_LEFT)


def test_the_table_of_moves_is_the_one_of_the_design() -> None:
    assert {(old.value, new.value) for old, new in ALLOWED} == {
        ("queued", "connecting"),
        ("queued", "missed"),
        ("queued", "rejected"),
        ("connecting", "in_progress"),
        ("connecting", "completed"),
        ("connecting", "failed"),
        ("connecting", "missed"),
        ("in_progress", "completed"),
        ("in_progress", "failed"),
        ("connecting", "queued"),
        ("in_progress", "queued"),
        ("queued", "completed"),
        ("queued", "failed"),
    }
    assert set(Status) == LIVE | FINAL
    assert not LIVE & FINAL


@pytest.mark.parametrize(("old", "new"), ALLOWED)
def test_an_allowed_move_changes_the_state_and_writes_its_event(old: Status, new: Status) -> None:
    call = make_call(old)

    assert move(call, new)

    call.refresh_from_db()
    assert call.status == new
    assert [(event.kind, event.to_status) for event in call.events.all()] == [(new, new)]


@pytest.mark.parametrize(("old", "new"), FORBIDDEN)
def test_a_forbidden_move_changes_nothing_and_writes_no_event(old: Status, new: Status) -> None:
    call = make_call(old)
    before = Call.objects.filter(pk=call.pk).values().get()

    assert not move(call, new)

    assert Call.objects.filter(pk=call.pk).values().get() == before
    assert not call.events.exists()


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_call_ends_in_a_final_state_only(status: Status) -> None:
    call = make_call(Status.IN_PROGRESS)

    with pytest.raises(ValueError, match="not a final state"):
        services.end_call(call.pk, status, EndReason.CALLER_LEFT)


def test_the_end_keeps_reason_time_and_a_detail_that_fits() -> None:
    call = make_call(Status.IN_PROGRESS)

    services.end_call(call.pk, Status.FAILED, EndReason.PROVIDER_FAILURE, attempt=1, detail="x" * 400)

    call.refresh_from_db()
    assert (call.end_reason, call.end_detail) == ("provider_failure", "x" * 300)
    assert call.ended_at is not None
    assert call.events.get().detail == {"reason": "provider_failure", "detail": "x" * 400}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("new", [Status.CONNECTING, Status.IN_PROGRESS, Status.COMPLETED])
def test_a_move_whose_event_cannot_be_written_did_not_happen(new: Status) -> None:
    call = make_call(Status.QUEUED if new == Status.CONNECTING else Status.CONNECTING)
    before = call.status

    def no_space(execute: Any, sql: str, *rest: Any) -> Any:
        if "calls_callevent" in sql:
            raise DatabaseError("no space left on device")
        return execute(sql, *rest)

    with connection.execute_wrapper(no_space), pytest.raises(DatabaseError, match="no space"):
        move(call, new)

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (before, "")


@pytest.mark.parametrize(
    "values",
    [
        {"status": Status.COMPLETED},
        {"status": Status.COMPLETED, "ended_at": timezone.now()},
        {"status": Status.COMPLETED, "end_reason": EndReason.SILENCE},
        {"end_reason": EndReason.SILENCE},
        {"ended_at": timezone.now()},
    ],
)
def test_the_database_refuses_a_half_ended_call(values: dict[str, object]) -> None:
    call = make_call(Status.IN_PROGRESS)

    with pytest.raises(IntegrityError, match="a_final_call_has_an_end_and_a_reason"), transaction.atomic():
        Call.objects.filter(pk=call.pk).update(**values)


def test_durations_are_known_when_their_moments_are() -> None:
    queued, running, missed = make_call(), make_call(Status.IN_PROGRESS), make_call(Status.MISSED)

    assert queued.duration is None
    assert queued.wait.total_seconds() > 0
    assert running.duration is not None
    assert running.duration.total_seconds() >= 60
    assert missed.duration is None
    assert missed.ended_at is not None
    assert missed.wait == missed.ended_at - missed.created_at
    assert (queued.is_final, running.is_final, missed.is_final) == (False, False, True)
