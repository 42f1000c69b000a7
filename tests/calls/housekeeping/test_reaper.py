"""A call whose room is gone ends with the reason that is known, also when nobody told that the room was closed."""

from datetime import timedelta

import pytest
from django.utils import timezone
from livekit.api import ParticipantInfo

from calls.housekeeping import reaper
from calls.lifecycle.leases import HUNG_UP, LOST
from calls.livekit import rooms
from calls.models import Call
from calls.states import EndReason, Status
from tests.factories import make_call, make_departure, make_number

pytestmark = pytest.mark.django_db


class LiveKit:
    """The rooms that it has, and a clock."""

    def __init__(self) -> None:
        self.rooms: reaper.Rooms = {}
        self.now_s = 1000.0
        self.is_away = False

    async def occupied(self, _prefix: str) -> reaper.Rooms:
        if self.is_away:
            raise TimeoutError
        return self.rooms

    def monotonic(self) -> float:
        return self.now_s

    def runs(self, *at_s: float) -> None:
        """Have the reaper run at these seconds."""
        for second in at_s:
            self.now_s = 1000.0 + second
            reaper.reap()


@pytest.fixture(autouse=True)
def livekit(monkeypatch: pytest.MonkeyPatch) -> LiveKit:
    livekit = LiveKit()
    monkeypatch.setattr(rooms, "occupied", livekit.occupied)
    monkeypatch.setattr(reaper, "time", livekit)
    monkeypatch.setattr(reaper, "_missing", reaper.Missing())
    return livekit


def conversation() -> Call:
    """A call that has been talking for a minute."""
    before = timezone.now() - timedelta(seconds=60)
    return make_call(Status.IN_PROGRESS, queued_at=before, claimed_at=before)


def ending(call: Call) -> tuple[str, str]:
    call.refresh_from_db()
    return call.status, call.end_reason


def test_a_conversation_whose_room_is_gone_has_failed(livekit: LiveKit) -> None:
    call = conversation()

    livekit.runs(0, 10)

    assert ending(call) == (Status.FAILED, EndReason.ROOM_GONE)


def test_a_conversation_whose_caller_had_hung_up_is_completed() -> None:
    call = conversation()
    make_departure(call, HUNG_UP)

    reaper.reap()

    assert ending(call) == (Status.COMPLETED, EndReason.CALLER_LEFT)


def test_a_conversation_whose_caller_was_lost_has_failed_although_the_agent_is_still_there(livekit: LiveKit) -> None:
    call = conversation()
    make_departure(call, LOST)
    livekit.rooms = {call.room_name: [ParticipantInfo(identity="agent-1")]}

    livekit.runs(0, 10, 20)

    assert ending(call) == (Status.FAILED, EndReason.ROOM_GONE)


def test_a_caller_whose_side_joins_again_is_not_given_up(livekit: LiveKit) -> None:
    call = conversation()

    livekit.runs(0)
    assert ending(call) == (Status.IN_PROGRESS, "")
    livekit.rooms = {call.room_name: [ParticipantInfo(identity=call.caller_identity)]}
    livekit.runs(10)
    livekit.rooms = {}
    livekit.runs(20)  # it was there in between

    assert ending(call) == (Status.IN_PROGRESS, "")


def test_two_runs_one_after_another_do_not_give_a_caller_up(livekit: LiveKit) -> None:
    call = conversation()

    livekit.runs(0, 3)
    assert ending(call) == (Status.IN_PROGRESS, "")

    livekit.runs(10)
    assert ending(call) == (Status.FAILED, EndReason.ROOM_GONE)


def test_a_call_that_was_not_checked_for_a_while_is_checked_again(livekit: LiveKit) -> None:
    call = conversation()

    livekit.runs(0, 100)

    assert ending(call) == (Status.IN_PROGRESS, "")


def test_a_livekit_that_was_away_is_given_the_time_for_its_callers_again(livekit: LiveKit) -> None:
    call = conversation()

    livekit.runs(0)
    livekit.is_away = True
    with pytest.raises(TimeoutError):
        livekit.runs(10)
    livekit.is_away = False
    livekit.runs(20)
    assert ending(call) == (Status.IN_PROGRESS, "")

    livekit.runs(30)
    assert ending(call) == (Status.FAILED, EndReason.ROOM_GONE)


@pytest.mark.django_db(transaction=True)
def test_a_caller_who_cannot_be_stored_keeps_nobody_else_from_being_helped(livekit: LiveKit) -> None:
    stranger = ParticipantInfo(
        identity="sip_" + "x" * 200,  # longer than any that we have given
        kind=ParticipantInfo.Kind.SIP,
        attributes={"sip.trunkPhoneNumber": "+12025550100"},
        joined_at=int(timezone.now().timestamp()) - 60,
    )
    long_ago = timezone.now() - timedelta(hours=9)
    overtime = make_call(
        Status.IN_PROGRESS, make_number("+12025550100"), queued_at=long_ago, claimed_at=long_ago, answered_at=long_ago
    )
    livekit.rooms = {
        "call-odd": [stranger],
        overtime.room_name: [ParticipantInfo(identity=overtime.caller_identity)],
    }

    livekit.runs(0)

    assert ending(overtime) == (Status.COMPLETED, EndReason.MAX_DURATION)
