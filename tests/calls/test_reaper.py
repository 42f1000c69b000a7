"""A call whose room is gone ends with the reason that is known, also when nobody told that the room was closed."""

from datetime import timedelta

import pytest
from django.utils import timezone
from livekit.api import ParticipantInfo

from calls import reaper, rooms
from calls.leases import HUNG_UP
from calls.models import Call
from calls.states import EndReason, Status
from tests.factories import make_call, make_departure

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_room_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def occupied(_prefix: str) -> reaper.Rooms:
        return {}

    monkeypatch.setattr(rooms, "occupied", occupied)
    monkeypatch.setattr(reaper, "COMES_BACK_WITHIN_S", 0.0)


def conversation() -> Call:
    """A call that has been talking for a minute."""
    before = timezone.now() - timedelta(seconds=60)
    return make_call(Status.IN_PROGRESS, queued_at=before, claimed_at=before)


def ending(call: Call) -> tuple[str, str]:
    call.refresh_from_db()
    return call.status, call.end_reason


def test_a_conversation_whose_room_is_gone_has_failed() -> None:
    call = conversation()

    reaper.reap()

    assert ending(call) == (Status.FAILED, EndReason.ROOM_GONE)


def test_a_conversation_whose_caller_had_hung_up_is_completed() -> None:
    call = conversation()
    make_departure(call, HUNG_UP)

    reaper.reap()

    assert ending(call) == (Status.COMPLETED, EndReason.CALLER_LEFT)


def test_a_caller_whose_side_joins_again_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    call = conversation()
    looks: list[reaper.Rooms] = [{}, {call.room_name: [ParticipantInfo(identity=call.caller_identity)]}]

    async def occupied(_prefix: str) -> reaper.Rooms:
        return looks.pop(0)

    monkeypatch.setattr(rooms, "occupied", occupied)

    reaper.reap()

    assert ending(call) == (Status.IN_PROGRESS, "")
