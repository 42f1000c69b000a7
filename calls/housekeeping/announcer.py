"""Announces to a caller why the call ends, or transfers the call, when no slot can do it.

The call's row is final before this begins, so only the waiting caller makes this urgent. Each caller has a thread for
some seconds, so that housekeeping's own threads stay free. The reaper closes what a process leaves open.
"""

import asyncio
import contextlib
import uuid
from concurrent.futures import Future, ThreadPoolExecutor

import aiohttp
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from livekit import api, rtc

from agents.models import PersonaVersion
from agents.phrases import phrases_of
from agents.voices import apologies, fixed_lines, speech
from calls import destinations
from calls.lifecycle import overflow
from calls.livekit import rooms
from calls.livekit.joining import CancellableRoom
from calls.models import Call
from calls.states import EndReason
from common.database import borrowed_connection, in_database

log = structlog.get_logger(__name__)

AT_ONCE = 64  # callers; more of them wait, and hear ringing meanwhile
SPEECH_WITHIN_S = 3  # for a line that the voice has yet to say
JOINED_WITHIN_S = 5.0  # until the caller hears what is said
SAID_WITHIN_S = 20.0
LAST_PACKETS_S = 0.3  # on their way to the caller when the last sample has left
_AWAY = (DatabaseError, InterfaceError)
CHUNK_SAMPLES = fixed_lines.SAMPLE_RATE // 10


class CallerGone(Exception):
    """The caller has left."""


_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="announcer")


def start(call_id: uuid.UUID) -> Future[None]:
    """Begin to tell the caller of an ended call why it ends; a thread continues and hangs up."""
    return _threads.submit(announce, call_id)


def announce(call_id: uuid.UUID) -> None:
    """Say what this call's end asks for, or transfer it, and close its room. What fails is logged."""
    with structlog.contextvars.bound_contextvars(call_id=str(call_id)):
        try:
            with borrowed_connection():  # and not while the caller listens: the pool has fewer than there are callers
                call = Call.objects.select_related("phone_number", "persona_version").get(pk=call_id)
                pcm = _speech(call)
            asyncio.run(_tell(call, pcm))
        except Exception:
            log.exception("not_announced")


def text_for(call: Call, version: PersonaVersion) -> str:
    """The words with which a call ends that has no agent, for the voice of this version."""
    if call.end_reason in (EndReason.AGENT_LOST, EndReason.CONNECT_FAILED) or call.phone_number is None:
        return phrases_of(version).goodbye
    return call.phone_number.after_hours_message if call.after_hours else call.phone_number.overflow_message


def _speech(call: Call) -> bytes:
    """16 kHz mono 16-bit PCM; when the voice cannot speak now, the apology that comes with the program."""
    version = call.persona_version
    if version is None:
        return b""
    try:
        return speech.speech_of(version, text_for(call, version), SPEECH_WITHIN_S)
    except fixed_lines.SpeechUnavailable as error:
        log.warning("announced_by_recording", error=str(error))
        return apologies.SPEECH[phrases_of(version).goodbye]


async def _tell(call: Call, pcm: bytes) -> None:
    room = CancellableRoom()
    try:
        await _tell_in_room(room, call, pcm)
    except (CallerGone, TimeoutError, rtc.ConnectError, rtc.participant.PublishTrackError) as error:
        problem = f"{type(error).__name__} {error}".strip()
        log.warning("not_announced", error=problem)
        await in_database(overflow.transfer_failed, call.pk, problem)
    finally:
        try:
            await rooms.delete_room(call.room_name)
        finally:
            await room.disconnect()  # last: one that joins slowly is waited for, and the caller need not


async def _tell_in_room(room: CancellableRoom, call: Call, pcm: bytes) -> None:
    transfers = call.end_reason in (EndReason.TRANSFERRED, EndReason.AFTER_HOURS_TRANSFERRED)
    if not pcm and not transfers:
        return
    source = rtc.AudioSource(fixed_lines.SAMPLE_RATE, 1)
    try:
        async with asyncio.timeout(JOINED_WITHIN_S):
            await _join(room, source, call)
        if transfers and await _transfer(call):
            return
        async with asyncio.timeout(SAID_WITHIN_S):
            await _say(source, pcm)
        log.info("announced", reason=call.end_reason)
    finally:
        await source.aclose()


async def _join(room: rtc.Room, source: rtc.AudioSource, call: Call) -> None:
    """Join as an agent; return once the caller's telephone has been answered by it and takes its audio."""
    answered = asyncio.Event()

    def look(*_: object) -> None:
        caller = room.remote_participants.get(call.caller_identity)
        # LiveKit's SIP service sets it when the telephone is picked up, and transfers no call that still rings.
        if caller is not None and caller.attributes.get("sip.callStatus", "active") == "active":
            answered.set()

    room.on("participant_attributes_changed", look)
    token = rooms.agent_token(call.room_name, rooms.ANNOUNCER)
    await room.connect(settings.LIVEKIT_URL, token, rtc.RoomOptions(auto_subscribe=False))
    if call.caller_identity not in room.remote_participants:
        raise CallerGone
    track = rtc.LocalAudioTrack.create_audio_track("announcement", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    publication = await room.local_participant.publish_track(track, options)
    await publication.wait_for_subscription()
    look()
    await answered.wait()


async def _say(source: rtc.AudioSource, pcm: bytes) -> None:
    """Play the speech, and wait until the caller has heard it."""
    step = CHUNK_SAMPLES * 2
    for start_at in range(0, len(pcm), step):
        chunk = pcm[start_at : start_at + step]
        await source.capture_frame(rtc.AudioFrame(chunk, fixed_lines.SAMPLE_RATE, 1, len(chunk) // 2))
    await source.wait_for_playout()
    await asyncio.sleep(LAST_PACKETS_S)


async def _transfer(call: Call) -> bool:
    """Connect the caller with another number. False when that is refused, which the row then says."""
    try:
        await rooms.transfer(call.room_name, call.caller_identity, _transfer_number(call))
    except (destinations.NotAllowed, api.TwirpError, aiohttp.ClientError, TimeoutError, *_AWAY) as error:
        problem = getattr(error, "message", "") or type(error).__name__
        log.warning("transfer_failed", error=problem)
        with contextlib.suppress(*_AWAY):  # the caller hears the message all the same
            await in_database(overflow.transfer_failed, call.pk, problem)
        return False
    log.info("transferred")
    return True


def _transfer_number(call: Call) -> str:
    number = call.phone_number
    if number is None:
        return ""
    return number.after_hours_number if call.after_hours else number.overflow_number
