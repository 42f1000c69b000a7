"""Who holds a call: leases that expire, and what happens to their calls."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from calls.lifecycle import capacity, leases, services
from calls.models import Call, Heartbeat
from calls.models.heartbeat import SWEEP
from calls.models.phone_number import Overflow
from calls.states import Direction, EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import make_call, make_departure, make_event, make_number, make_turn, write_history

pytestmark = pytest.mark.django_db


def seconds_ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def steady_sweep() -> None:
    """The sweep has run for a minute without a gap: the database was there all the while."""
    Heartbeat.objects.update_or_create(
        holder=SWEEP, defaults={"beating_since": seconds_ago(60), "seen_at": seconds_ago(2)}
    )


def lost_call(status: Status = Status.IN_PROGRESS, **values: Any) -> Call:
    """A call whose worker has not renewed its lease."""
    return make_call(status, lease_holder="host:1", lease_expires_at=seconds_ago(0.1), **values)


@pytest.fixture
def sweep(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages) -> SentMessages:
    """Run the sweep's part once, at a time when leases that ran out are believed; returns what it sent."""
    steady_sweep()
    with django_capture_on_commit_callbacks(execute=True):
        leases.take_back_expired()
    return sent


@pytest.mark.parametrize("status", [Status.CONNECTING, Status.IN_PROGRESS])
def test_the_call_of_a_lost_worker_is_queued_again_and_sent_at_once(
    status: Status, sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    call = lost_call(status)
    answered_at = call.answered_at
    steady_sweep()

    with django_capture_on_commit_callbacks(execute=True):
        assert leases.take_back_expired() == 1

    call.refresh_from_db()
    assert (call.status, call.losses, call.lease_holder) == (Status.QUEUED, 1, "")
    assert call.answered_at == answered_at
    assert sent == [("workers.run_call", str(call.pk))]
    assert [event.kind for event in call.events.all()] == ["agent_lost", "queued"]


def test_a_lease_that_is_renewed_is_left_alone(sent: SentMessages) -> None:
    call = lost_call()
    steady_sweep()

    assert leases.renew("host:1", [(call.pk, 1)]) == set()
    assert leases.take_back_expired() == 0


def test_after_an_outage_no_lease_counts_as_lost_until_workers_had_time_to_renew(sent: SentMessages) -> None:
    lost_call()
    Heartbeat.objects.create(holder=SWEEP, beating_since=seconds_ago(600), seen_at=seconds_ago(60))

    assert leases.take_back_expired() == 0

    sweeping = Heartbeat.objects.filter(holder=SWEEP)
    assert sweeping.get().beating_since > seconds_ago(30)
    sweeping.update(beating_since=seconds_ago(5.1))
    assert leases.take_back_expired() == 1


def test_a_lease_that_ran_out_while_the_database_was_away_for_less_than_a_lease_is_not_lost(sent: SentMessages) -> None:
    lost_call()  # renewed just before the database went
    Heartbeat.objects.create(holder=SWEEP, beating_since=seconds_ago(600), seen_at=seconds_ago(4))

    assert leases.take_back_expired() == 0


def test_a_call_that_loses_its_agent_twice_is_ended_with_its_reason() -> None:
    call = lost_call(losses=1)
    make_event(call, "agent_lost", detail={"attempt": 1, "holder": "host:1"}).save()
    steady_sweep()

    leases.take_back_expired()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.AGENT_LOST)


def test_agents_that_lose_their_connection_are_followed_by_others_as_often_as_it_happens() -> None:
    call = make_call(Status.IN_PROGRESS)
    for losses in (1, 2):
        assert leases.give_up(call.pk, call.attempt)
        call.refresh_from_db()
        assert (call.status, call.losses) == (Status.QUEUED, losses)
        assert leases.claim("host:2") == call
        call.refresh_from_db()

    Call.objects.update(lease_expires_at=seconds_ago(1))  # and now a worker dies, for the first time
    steady_sweep()
    assert leases.take_back_expired() == 1

    call.refresh_from_db()
    assert (call.status, call.losses) == (Status.QUEUED, 3)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.IN_PROGRESS, (Status.COMPLETED, EndReason.CALLER_LEFT)),
        (Status.CONNECTING, (Status.MISSED, EndReason.CALLER_GAVE_UP)),
    ],
)
def test_a_caller_who_left_while_the_worker_was_lost_is_not_waited_for(
    status: Status, expected: tuple[Status, EndReason], sent: SentMessages
) -> None:
    call = lost_call(status)
    make_departure(call)
    steady_sweep()

    leases.take_back_expired()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == expected
    assert sent == []


def test_an_answered_call_does_not_wait_forever_for_another_agent() -> None:
    waiting = make_call(answered_at=seconds_ago(90), queued_at=seconds_ago(29))
    forgotten = make_call(answered_at=seconds_ago(90), queued_at=seconds_ago(31))
    ringing = make_call(queued_at=seconds_ago(31))

    leases.end_unresumed()

    forgotten.refresh_from_db()
    assert (forgotten.status, forgotten.end_reason) == (Status.FAILED, EndReason.AGENT_LOST)
    assert set(Call.objects.live()) == {waiting, ringing}


def test_renewing_reports_which_calls_are_lost() -> None:
    mine = make_call(Status.IN_PROGRESS, lease_holder="host:1")
    resumed = make_call(Status.IN_PROGRESS, lease_holder="host:2", attempt=2)
    ended = make_call(Status.FAILED, lease_holder="host:1")
    held = [(mine.pk, 1), (resumed.pk, 1), (ended.pk, 1)]

    assert leases.renew("host:1", held) == {(resumed.pk, 1), (ended.pk, 1)}

    mine.refresh_from_db()
    assert mine.lease_expires_at is not None
    assert mine.lease_expires_at > timezone.now() + timedelta(seconds=4)


def test_a_call_that_is_handed_over_waits_again_without_a_loss(
    sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    call = make_call(Status.IN_PROGRESS)

    with django_capture_on_commit_callbacks(execute=True):
        assert leases.hand_over(call.pk, 1)

    call.refresh_from_db()
    assert (call.status, call.losses) == (Status.QUEUED, 0)
    assert sent == [("workers.run_call", str(call.pk))]


def test_an_agent_that_cannot_continue_gives_its_call_up_as_if_its_worker_were_lost(
    sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    call = make_call(Status.IN_PROGRESS)

    with django_capture_on_commit_callbacks(execute=True):
        assert leases.give_up(call.pk, 1)

    call.refresh_from_db()
    assert (call.status, call.losses) == (Status.QUEUED, 1)
    assert sent == [("workers.run_call", str(call.pk))]
    assert not leases.give_up(call.pk, 1)


@pytest.mark.parametrize(
    "ago",
    [{"queued_at": 25, "rings_until": -5}, {"queued_at": 25, "rings_until": 60, "answered_at": 90}],
    ids=["ringing", "answered"],
)
def test_a_call_that_an_agent_could_not_join_waits_on_for_another(
    ago: dict[str, float], sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    times: dict[str, Any] = {field: seconds_ago(seconds) for field, seconds in ago.items()}
    call = make_call(Status.CONNECTING, attempt=3, **times)

    with django_capture_on_commit_callbacks(execute=True):
        assert leases.not_joined(call.pk, 3, "slow")

    call.refresh_from_db()
    assert (call.status, call.losses, call.queued_at) == (Status.QUEUED, 0, times["queued_at"])
    assert sent == [("workers.run_call", str(call.pk))]
    assert not leases.not_joined(call.pk, 3, "slow")


def test_a_message_that_is_lost_after_a_failed_join_is_sent_again_as_soon_as_any_other() -> None:
    call = make_call(Status.CONNECTING, queued_at=seconds_ago(40), rings_until=timezone.now() + timedelta(seconds=20))
    leases.not_joined(call.pk, 1, "slow")
    Call.objects.update(sent_at=F("sent_at") - timedelta(seconds=4), not_joined_at=F("sent_at") - timedelta(seconds=4))

    assert call in Call.objects.unclaimed(timedelta(seconds=3))


def test_a_caller_whom_no_agent_could_join_in_the_ring_time_gets_the_numbers_overflow_action(
    sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    number = make_number(overflow=Overflow.TRANSFER, overflow_number="+12025550199")
    call = make_call(Status.CONNECTING, number, attempt=3, rings_until=seconds_ago(1))

    with django_capture_on_commit_callbacks(execute=True):
        assert leases.not_joined(call.pk, 3, "slow")

    call.refresh_from_db()
    assert (call.status, call.end_reason, call.end_detail) == (Status.MISSED, EndReason.TRANSFERRED, "slow")
    assert sent.to("calls.announce") == [str(call.pk)]


def test_a_caller_who_lost_the_agent_and_whom_none_could_join_for_too_long_hears_an_apology(
    sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    times: dict[str, Any] = {
        "queued_at": seconds_ago(31),
        "rings_until": seconds_ago(60),
        "answered_at": seconds_ago(90),
    }
    call = make_call(Status.CONNECTING, attempt=3, **times)

    with django_capture_on_commit_callbacks(execute=True):
        assert leases.not_joined(call.pk, 3, "slow")

    call.refresh_from_db()
    assert (call.status, call.end_reason, call.end_detail) == (Status.FAILED, EndReason.CONNECT_FAILED, "slow")
    assert sent.to("calls.announce") == [str(call.pk)]


def test_a_person_whom_no_agent_could_call_in_time_is_not_told(
    sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    call = make_call(Status.CONNECTING, direction=Direction.OUTBOUND, rings_until=seconds_ago(1))

    with django_capture_on_commit_callbacks(execute=True):
        assert leases.not_joined(call.pk, 1, "slow")

    call.refresh_from_db()
    assert (call.status, call.end_reason, call.end_detail) == (Status.MISSED, EndReason.NO_AGENT_FREE, "slow")
    assert sent.to("calls.close_room") == [call.room_name]
    assert sent.to("calls.announce") == []


def test_a_person_is_dialed_while_the_call_is_this_attempts_and_nobody_has_hung_up() -> None:
    call = make_call(Status.CONNECTING, direction=Direction.OUTBOUND, attempt=2)
    assert leases.may_dial(call)

    make_departure(call)
    assert not leases.may_dial(call)


@pytest.mark.parametrize("ended", [False, True], ids=["another attempt", "over"])
def test_a_person_is_not_dialed_for_a_call_that_is_anothers_or_over(ended: bool) -> None:
    call = make_call(Status.CONNECTING, direction=Direction.OUTBOUND)
    if ended:
        services.hang_up(call.pk)
    else:
        Call.objects.filter(pk=call.pk).update(attempt=2)
    assert not leases.may_dial(call)


def test_an_agent_that_cannot_continue_leaves_a_call_alone_that_is_anothers() -> None:
    call = make_call(Status.IN_PROGRESS, attempt=2)
    assert not leases.give_up(call.pk, 1)
    call.refresh_from_db()
    assert call.status == Status.IN_PROGRESS


def test_a_stale_owner_writes_nothing_while_the_call_waits_or_is_anothers(sent: SentMessages) -> None:
    call = make_call(Status.IN_PROGRESS)
    leases.hand_over(call.pk, 1)
    resumed = leases.claim("host:2")

    assert resumed is not None
    assert (resumed.pk, resumed.attempt) == (call.pk, 2)
    assert not write_history(call.pk, 1, [make_turn(call, 1)], [make_event(call)])
    assert not services.end_call(call.pk, Status.COMPLETED, EndReason.CALLER_LEFT, attempt=1)
    assert not leases.hand_over(call.pk, 1)


def test_a_resumed_call_keeps_the_moment_of_its_first_answer(sent: SentMessages) -> None:
    call = make_call(Status.IN_PROGRESS)
    leases.hand_over(call.pk, 1)
    leases.claim("host:2")

    services.answer_call(call.pk, 2, timezone.now())

    first = call.answered_at
    call.refresh_from_db()
    assert call.answered_at == first


def test_a_heartbeat_counts_slots_and_forgets_an_unbroken_past_after_a_gap() -> None:
    leases.beat("host:1", slots=10, busy=3)
    leases.beat("host:2", slots=10, busy=0, draining=True)
    since = Heartbeat.objects.get(holder="host:1").beating_since
    leases.beat("host:1", slots=10, busy=4)

    assert capacity.measure(leases.LEASE).slots == 10
    assert Heartbeat.objects.get(holder="host:1").beating_since == since

    Heartbeat.objects.update(seen_at=seconds_ago(6))
    assert capacity.measure(leases.LEASE).slots == 0
    leases.beat("host:1", slots=10, busy=4)
    assert Heartbeat.objects.get(holder="host:1").beating_since > since
