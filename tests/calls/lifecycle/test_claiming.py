"""Who may run and write a call: one slot wins it, and only its attempt writes."""

import uuid
from datetime import timedelta

import pytest
from django.db import DataError, transaction
from django.utils import timezone

from calls.lifecycle import leases, services
from calls.states import EndReason, Status
from tests.factories import make_call, make_event, make_turn, write_history
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def test_a_claim_returns_the_call_with_what_a_worker_needs() -> None:
    call = make_call()

    claimed = leases.claim("host:17")

    assert claimed is not None
    assert (claimed.pk, claimed.status, claimed.attempt) == (call.pk, Status.CONNECTING, 1)
    assert claimed.lease_holder == "host:17"
    assert claimed.claimed_at is not None
    assert claimed.lease_expires_at is not None
    assert claimed.persona_version is not None
    event = call.events.get()
    assert (event.attempt, event.detail) == (1, {"holder": "host:17"})


def test_nothing_is_claimed_when_nobody_waits() -> None:
    for status in set(Status) - {Status.QUEUED}:
        make_call(status)

    assert leases.claim("host:17") is None


def test_waiting_calls_are_claimed_in_the_order_of_their_arrival() -> None:
    now = timezone.now()
    late, early = make_call(created_at=now), make_call(created_at=now - timedelta(seconds=5))

    claimed = [leases.claim("host:17"), leases.claim("host:17")]

    assert [call and call.pk for call in claimed] == [early.pk, late.pk]


@pytest.mark.django_db(transaction=True)
def test_of_many_slots_at_once_each_wins_another_call_or_none() -> None:
    calls = [make_call() for _ in range(3)]

    results = at_once(8, lambda index: leases.claim(f"host:{index}"))

    won = [result for result in results if result is not None]
    assert {call.pk for call in won} == {call.pk for call in calls}
    assert len(won) == 3
    for call in won:
        call.refresh_from_db()
        assert call.attempt == 1
        assert call.events.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_caller_who_leaves_while_a_slot_claims_makes_it_missed_once() -> None:
    call = make_call()

    def race(index: int) -> bool:
        if index % 2:
            return leases.claim("host:1") is not None
        return services.end_call(call.pk, Status.MISSED, EndReason.CALLER_GAVE_UP)

    results = at_once(6, race)

    call.refresh_from_db()
    assert call.status == Status.MISSED
    assert results[::2].count(True) == 1
    assert results.count(True) == call.events.count() <= 2


def test_an_older_attempt_neither_answers_ends_nor_writes() -> None:
    call = make_call(Status.CONNECTING, attempt=2)

    assert not services.answer_call(call.pk, 1, timezone.now())
    assert not services.end_call(call.pk, Status.FAILED, EndReason.PIPELINE_ERROR, attempt=1)
    assert not write_history(call.pk, 1, [make_turn(call, 1)], [make_event(call)])

    call.refresh_from_db()
    assert call.status == Status.CONNECTING
    assert not call.events.exists()
    assert not call.turns.exists()


def test_the_current_attempt_answers_writes_and_ends() -> None:
    call = make_call(Status.CONNECTING, attempt=2)
    answered = timezone.now()

    assert services.answer_call(call.pk, 2, answered)
    assert write_history(call.pk, 2, [make_turn(call, 1, "Hello.")], [make_event(call, "tool_called")])
    assert services.end_call(call.pk, Status.COMPLETED, EndReason.AGENT_GOODBYE, attempt=2)

    call.refresh_from_db()
    assert (call.status, call.answered_at) == (Status.COMPLETED, answered)
    assert [turn.text for turn in call.turns.all()] == ["Hello."]
    assert [event.kind for event in call.events.all()] == ["in_progress", "tool_called", "completed"]


def test_the_last_turns_can_be_written_after_the_end() -> None:
    call = make_call(Status.COMPLETED)

    assert write_history(call.pk, 1, [make_turn(call, 1)], [])
    assert call.turns.count() == 1


def test_turns_and_events_are_written_together_or_not_at_all() -> None:
    call = make_call(Status.IN_PROGRESS)

    with pytest.raises(DataError, match="too long"), transaction.atomic():
        write_history(call.pk, 1, [make_turn(call, 1)], [make_event(call, "x" * 41)])

    assert not call.turns.exists()


def test_what_is_written_a_second_time_is_there_once() -> None:
    call = make_call(Status.IN_PROGRESS)
    turn, event = make_turn(call, 1), make_event(call)

    for _ in range(2):
        assert write_history(call.pk, 1, [turn], [event])

    assert (call.turns.count(), call.events.count()) == (1, 1)


def test_nothing_is_written_to_a_call_that_does_not_exist() -> None:
    assert not write_history(uuid.uuid4(), 1, [], [])
