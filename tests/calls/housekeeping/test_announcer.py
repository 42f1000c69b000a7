"""What the caller of an ended call hears, in a real LiveKit room."""

import asyncio
import contextlib
import threading

import numpy as np
import pytest
from django.conf import settings
from django.db import OperationalError
from livekit import api
from livekit.protocol.sip import SIPTransferStatus
from pytest_django import Settings

from agents.models import SpokenLine
from agents.phrases import ENGLISH
from agents.voices import apologies, fixed_lines
from calls import destinations
from calls.housekeeping import announcer
from calls.lifecycle import overflow
from calls.livekit import rooms
from calls.livekit.joining import CancellableRoom
from calls.models import Call, PhoneNumber
from calls.states import EndReason, Status
from simulator.caller import CallerEvent, CallerSettings, CallReport, place_call
from simulator.scenario import parse_scenario
from tests.calls.conftest import SentMessages
from tests.factories import make_call, make_number
from tests.services import LiveKitServer

pytestmark = [pytest.mark.django_db(transaction=True)]

LISTENS = """
name: listens
caller:
  steps:
    - stay_silent: {seconds: 60}
agent:
  default: "Nothing."
"""
MESSAGE = "All our lines are busy."
SPOKEN_S = 1.5


@pytest.fixture
def number(livekit: LiveKitServer, sent: SentMessages) -> PhoneNumber:
    """A number whose message has been spoken: a second and a half of a tone."""
    number = make_number(overflow_message=MESSAGE, overflow_number="+12025550177")
    _spoken(number, MESSAGE)
    return number


def _spoken(number: PhoneNumber, text: str) -> None:
    version = number.persona.live_version
    assert version is not None
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(int(SPOKEN_S * fixed_lines.SAMPLE_RATE)) / fixed_lines.SAMPLE_RATE)
    pcm = tone.astype(np.int16).tobytes()
    SpokenLine.objects.create(**fixed_lines.voice_of(version), text=text, pcm=pcm, words=[])


@pytest.fixture
def silent_provider(settings: Settings) -> None:
    """A provider of speech that cannot be reached."""
    settings.ELEVENLABS_BASE_URL = "http://127.0.0.1:1"


def _told(ended: Call, answered: threading.Event | None = None) -> CallReport:
    """Have the caller of an ended call told why; returns what it heard. `answered` is set when it stops ringing."""
    return asyncio.run(_listen(ended, answered or threading.Event()))


async def _listen(ended: Call, answered: threading.Event) -> CallReport:
    joined = asyncio.Event()
    noted: dict[str, asyncio.Event | threading.Event] = {"joined": joined, "answered": answered}
    caller = CallerSettings(
        livekit_url=settings.LIVEKIT_URL,
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        to_number=ended.called_number,
        from_number=ended.caller_number,
        identity=ended.caller_identity,
        room=ended.room_name,
        scenario=parse_scenario(LISTENS),
    )

    def note(event: CallerEvent) -> None:
        if event.kind in noted:
            noted[event.kind].set()

    placing = asyncio.create_task(place_call(caller, note))
    await joined.wait()
    await asyncio.to_thread(announcer.announce, ended.pk)
    return await placing


def _is_heard_whole(report: CallReport) -> bool:
    [(began, ended)] = report.agent_spoke
    return ended - began == pytest.approx(SPOKEN_S, abs=0.2)


def test_the_caller_hears_the_message_to_its_end_and_is_hung_up_on(number: PhoneNumber) -> None:
    report = _told(make_call(Status.MISSED, number, end_reason=EndReason.NO_AGENT_FREE))

    assert report.answered
    assert report.ended_by == "agent"
    assert _is_heard_whole(report)


@pytest.mark.usefixtures("silent_provider")
def test_a_caller_who_lost_the_agent_hears_the_apology(number: PhoneNumber) -> None:
    _spoken(number, ENGLISH.goodbye)
    SpokenLine.objects.filter(text=MESSAGE).delete()

    report = _told(make_call(Status.FAILED, number, end_reason=EndReason.AGENT_LOST))

    assert _is_heard_whole(report)


@pytest.mark.usefixtures("silent_provider")
def test_a_caller_hears_the_recorded_apology_when_the_voice_cannot_speak(number: PhoneNumber) -> None:
    SpokenLine.objects.all().delete()

    report = _told(make_call(Status.MISSED, number, end_reason=EndReason.NO_AGENT_FREE))

    assert report.ended_by == "agent"
    recorded_s = len(apologies.SPEECH[ENGLISH.goodbye]) / 2 / fixed_lines.SAMPLE_RATE
    assert report.agent_spoke[-1][1] - report.agent_spoke[0][0] == pytest.approx(recorded_s, abs=0.3)


def test_a_transfer_that_livekit_refuses_becomes_the_message(number: PhoneNumber) -> None:
    call = make_call(Status.MISSED, number, end_reason=EndReason.TRANSFERRED)

    report = _told(call)  # this LiveKit has no SIP service

    call.refresh_from_db()
    assert call.end_reason == EndReason.NO_AGENT_FREE
    assert call.end_detail.startswith("transfer: ")
    assert [event.kind for event in call.events.all()] == ["transfer_failed"]
    assert _is_heard_whole(report)


def test_a_caller_of_a_closed_number_hears_that_it_is_closed(number: PhoneNumber) -> None:
    PhoneNumber.objects.update(overflow_message="All our lines are busy, as never before.", after_hours_message=MESSAGE)

    report = _told(make_call(Status.REJECTED, number, end_reason=EndReason.AFTER_HOURS, after_hours=True))

    assert (report.answered, report.ended_by) == (True, "agent")
    assert _is_heard_whole(report)


def test_a_caller_of_a_closed_number_whose_transfer_is_refused_hears_that_it_is_closed(number: PhoneNumber) -> None:
    PhoneNumber.objects.update(overflow_message="", after_hours_message=MESSAGE, after_hours_number="+12025550177")
    call = make_call(Status.REJECTED, number, end_reason=EndReason.AFTER_HOURS_TRANSFERRED, after_hours=True)

    report = _told(call)  # this LiveKit has no SIP service

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.REJECTED, EndReason.AFTER_HOURS)
    assert _is_heard_whole(report)


def test_a_caller_hears_the_message_when_the_database_is_away_for_the_transfer(
    number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(destinations, "check", away)
    monkeypatch.setattr(overflow, "transfer_failed", away)
    report = _told(make_call(Status.MISSED, number, end_reason=EndReason.TRANSFERRED))

    assert _is_heard_whole(report)


def test_a_caller_who_is_transferred_hears_nothing_of_us(number: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    answered = threading.Event()

    async def transfer(*to: str) -> None:
        await asyncio.to_thread(answered.wait, 30)  # a telephone takes longer to ring than a caller to be answered
        asked.append(to)

    monkeypatch.setattr(rooms, "transfer", transfer)
    call = make_call(Status.MISSED, number, end_reason=EndReason.TRANSFERRED)

    report = _told(call, answered)

    call.refresh_from_db()
    assert asked == [(call.room_name, call.caller_identity, "+12025550177")]
    assert (report.answered, report.agent_spoke, report.ended_by) == (True, [], "agent")
    assert call.end_reason == EndReason.TRANSFERRED


@pytest.mark.parametrize("fails", [False, True])
async def test_a_transfer_is_asked_of_livekit_by_telephone_number(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[api.TransferSIPParticipantRequest] = []
    status = SIPTransferStatus.STS_TRANSFER_FAILED if fails else SIPTransferStatus.STS_TRANSFER_SUCCESSFUL

    async def answer(_: object, request: api.TransferSIPParticipantRequest) -> api.TransferSIPParticipantResponse:
        asked.append(request)
        return api.TransferSIPParticipantResponse(status=status)

    monkeypatch.setattr(api.sip_service.SipService, "transfer_sip_participant", answer)

    with pytest.raises(api.TwirpError) if fails else contextlib.nullcontext():
        await rooms.transfer("call-1", "sip_+12025550199", "+12025550177")

    [request] = asked
    assert (request.room_name, request.participant_identity) == ("call-1", "sip_+12025550199")
    assert request.transfer_to == "tel:+12025550177"


async def test_a_number_that_may_not_be_dialed_any_more_is_not_transferred_to(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.OUTBOUND_DENIED_PREFIXES = ["+1202"]
    monkeypatch.setattr(rooms, "livekit_api", lambda: pytest.fail("asked"))

    with pytest.raises(destinations.NotAllowed, match="(cannot|must not) be dialed"):
        await rooms.transfer("call-1", "sip_+12025550199", "+12025550177")


@pytest.mark.parametrize("reason", [EndReason.NO_AGENT_FREE, EndReason.TRANSFERRED])
def test_nobody_is_told_anything_in_a_room_that_the_caller_has_left(reason: EndReason, number: PhoneNumber) -> None:
    call = make_call(Status.MISSED, number, end_reason=reason)

    announcer.start(call.pk).result(30)

    call.refresh_from_db()
    assert call.end_reason == EndReason.NO_AGENT_FREE
    assert asyncio.run(rooms.occupied(call.room_name)) == {}


def test_an_announcer_that_joins_too_slowly_hangs_up_and_leaves_when_it_has_joined(
    number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[CancellableRoom] = []
    closed: list[str] = []

    class Seen(CancellableRoom):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    async def delete_room(name: str) -> None:
        closed.append(name)

    call = make_call(Status.MISSED, number, end_reason=EndReason.NO_AGENT_FREE)
    monkeypatch.setattr(announcer, "CancellableRoom", Seen)
    monkeypatch.setattr(announcer, "JOINED_WITHIN_S", 0.01)
    monkeypatch.setattr(rooms, "delete_room", delete_room)
    announcer.announce(call.pk)

    [room] = made
    assert closed == [call.room_name]
    assert room.local_participant.identity == rooms.ANNOUNCER
    assert not room.isconnected()
