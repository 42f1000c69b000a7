"""Clocks that are wrong by an hour, or are set: no lease is lost by it, no caller cut off, and none forgotten."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from calls.housekeeping import reaper
from calls.lifecycle import elapsed, leases, services
from calls.lifecycle.services import IncomingCall
from calls.livekit import rooms
from calls.models import Call, Heartbeat
from calls.models.heartbeat import SWEEP
from calls.outbound import placing
from calls.states import EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import make_call, make_number

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ABOUT_NOW = timedelta(minutes=5)
WRONG = pytest.mark.parametrize("wrong_by", [HOUR, -HOUR], ids=["fast", "slow"])


def seconds_ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def is_about_now(moment: datetime | None) -> bool:
    return moment is not None and abs(moment - timezone.now()) < ABOUT_NOW


def sweep_beats(since: datetime, seen: datetime) -> None:
    Heartbeat.objects.update_or_create(holder=SWEEP, defaults={"beating_since": since, "seen_at": seen})


@pytest.fixture(autouse=True)
def no_room_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def occupied(_prefix: str) -> reaper.Rooms:
        return {}

    monkeypatch.setattr(rooms, "occupied", occupied)


@pytest.fixture
def wrong_clock(wrong_by: timedelta, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's clock is wrong; the database's is not."""
    right = timezone.now
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: right() + wrong_by)
        yield


@WRONG
def test_a_worker_whose_clock_is_wrong_answers_and_ends_within_the_time_of_its_call(wrong_by: timedelta) -> None:
    call = make_call(Status.CONNECTING)

    assert services.answer_call(call.pk, 1, timezone.now() + wrong_by)
    assert services.end_call(call.pk, Status.COMPLETED, EndReason.CALLER_LEFT, at=timezone.now() + wrong_by)

    call.refresh_from_db()
    assert call.claimed_at is not None
    assert call.answered_at is not None
    assert call.ended_at is not None
    assert call.claimed_at <= call.answered_at <= call.ended_at
    assert is_about_now(call.ended_at)


@WRONG
@pytest.mark.usefixtures("wrong_clock")
def test_a_caller_rings_for_the_ring_time_whatever_the_web_processs_clock_says(
    monkeypatch: pytest.MonkeyPatch, sent: SentMessages, wrong_by: timedelta
) -> None:
    number = make_number(ring_time_s=30)
    call = services.receive_call(IncomingCall("call-1", "sip_1", "+12025550123", number.e164))

    assert call is not None
    assert elapsed.rings_for(call.pk) > timedelta(seconds=10)
    assert elapsed.rings_for(call.pk) <= timedelta(seconds=30)


@WRONG
@pytest.mark.usefixtures("wrong_clock")
def test_a_call_that_we_place_rings_as_long_as_it_may(
    monkeypatch: pytest.MonkeyPatch, sent: SentMessages, wrong_by: timedelta
) -> None:
    number = make_number()
    monkeypatch.setattr("calls.lifecycle.limits.refusal", lambda *_: None)
    version = number.persona.live_version
    assert version is not None
    call = placing.place("+12025550123", number, version)

    assert timedelta(0) < elapsed.rings_for(call.pk) < ABOUT_NOW


@WRONG
@pytest.mark.usefixtures("wrong_clock")
def test_a_waiting_call_is_sent_again_after_three_seconds_by_any_clock(wrong_by: timedelta) -> None:
    now = elapsed.now()
    make_call(queued_at=now, sent_at=now)
    lost = make_call(queued_at=now - timedelta(seconds=4), sent_at=now - timedelta(seconds=4))

    assert list(Call.objects.unclaimed(timedelta(seconds=3))) == [lost]


def test_a_database_clock_that_is_set_back_makes_no_lost_worker_live_for_an_hour(sent: SentMessages) -> None:
    lost = make_call(Status.IN_PROGRESS, lease_holder="host:1", lease_expires_at=timezone.now() + HOUR)
    renewed = make_call(Status.IN_PROGRESS, lease_holder="host:2", lease_expires_at=seconds_ago(-3))
    sweep_beats(since=timezone.now() + HOUR / 2, seen=timezone.now() + HOUR)

    assert leases.take_back_expired() == 0  # until the workers have had the time to renew
    sweep_beats(since=seconds_ago(6), seen=seconds_ago(1))
    assert leases.take_back_expired() == 1

    lost.refresh_from_db()
    renewed.refresh_from_db()
    assert (lost.status, renewed.status) == (Status.QUEUED, Status.IN_PROGRESS)


def test_a_database_clock_that_steps_back_a_little_takes_no_call_from_its_worker() -> None:
    now = timezone.now()
    call = make_call(Status.IN_PROGRESS, lease_expires_at=now + leases.LEASE + timedelta(seconds=1))
    sweep_beats(since=seconds_ago(60), seen=seconds_ago(0.5))

    assert leases.take_back_expired() == 0
    call.refresh_from_db()
    assert call.status == Status.IN_PROGRESS


class Clocks:
    """The database's, and housekeeping's own that nobody sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.own_s = timezone.now(), 1000.0
        self._watch = elapsed.ClockWatch()
        monkeypatch.setattr(elapsed, "now", lambda: self.database)
        monkeypatch.setattr(elapsed, "time", SimpleNamespace(monotonic=lambda: self.own_s))
        self._watch.look()

    def go_on(self, seconds: float, *, set_by: timedelta = timedelta(0)) -> None:
        """So many seconds pass until the next sweep, and the database's clock is set meanwhile."""
        self.own_s += seconds
        self.database += timedelta(seconds=seconds) + set_by
        self._watch.look()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


@pytest.mark.parametrize("set_by", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_conversation_is_timed_from_when_the_databases_clock_was_set(clocks: Clocks, set_by: timedelta) -> None:
    call = make_call(Status.IN_PROGRESS, answered_at=seconds_ago(3 * 3600), claimed_at=seconds_ago(5))
    clocks.go_on(2)
    clocks.go_on(2, set_by=set_by)

    assert elapsed.talked(call.pk) < timedelta(seconds=90)
    Heartbeat.objects.update(seen_at=seconds_ago(3600))
    reaper.reap()
    reaper.reap()  # which knows it still
    call.refresh_from_db()
    assert call.end_reason != EndReason.MAX_DURATION


def test_a_conversation_that_is_too_long_is_ended_though_housekeeping_paused_meanwhile(clocks: Clocks) -> None:
    call = make_call(Status.IN_PROGRESS, answered_at=seconds_ago(3 * 3600), claimed_at=seconds_ago(5))
    sweep_beats(since=seconds_ago(1), seen=timezone.now())
    clocks.go_on(2)
    clocks.go_on(600)

    reaper.reap()
    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.MAX_DURATION)


def test_what_was_not_answered_has_talked_for_no_time() -> None:
    assert elapsed.talked(make_call().pk) == timedelta(0)
