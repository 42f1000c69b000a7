"""A caller that is not this project's own, with local speech: what it says stands in the call's transcript."""

import asyncio
import re
import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings
from livekit import api, rtc

from calls.models import PhoneNumber, Turn
from calls.models.history import Speaker
from common.database import in_database
from simulator.speech.synthesis import make_synthesizer
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, final_call

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "My grandmother keeps seven yellow flowers in the kitchen."


@pytest.fixture(scope="module")
def speaking_stack(stack: Stack) -> Iterator[Stack]:
    """The simulator hears with Whisper and speaks with Piper."""
    stack.stop_one("simulator")
    stack.start_simulator("local")
    with stack.worker("local", slots=2):
        stack.wait_until_healthy()
        yield stack
    stack.stop_one("simulator")
    stack.start_simulator()
    stack.wait_until_healthy()


async def _call_of_a_stranger(pcm: bytes) -> str:
    room_name = f"call-{uuid.uuid4().hex[:12]}"
    token = (
        api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity("sip-stranger")
        .with_kind("sip")
        .with_attributes({"sip.phoneNumber": "+442079460000", "sip.trunkPhoneNumber": NUMBER})
        .with_grants(api.VideoGrants(room_join=True, room=room_name))
    )
    room = rtc.Room()
    agent_is_there = asyncio.Event()
    room.on("track_subscribed", lambda *_: agent_is_there.set())
    await room.connect(settings.LIVEKIT_URL, token.to_jwt())
    source = rtc.AudioSource(16_000, 1)
    await room.local_participant.publish_track(rtc.LocalAudioTrack.create_audio_track("voice", source))
    async with asyncio.timeout(60):
        await agent_is_there.wait()
    await _speak(source, bytes(16_000 * 2 * 4))  # the greeting passes
    await _speak(source, pcm)
    understood = Turn.objects.filter(call__room_name=room_name, speaker=Speaker.CALLER).exists
    async with asyncio.timeout(60):
        while not await in_database(understood):
            await _speak(source, bytes(16_000 * 2))
    await room.disconnect()
    return room_name


async def _speak(source: rtc.AudioSource, pcm: bytes) -> None:
    for start in range(0, len(pcm) - 640, 640):
        await source.capture_frame(rtc.AudioFrame(pcm[start : start + 640], 16_000, 1, 320))
    await source.wait_for_playout()


def test_what_a_strangers_phone_says_is_in_the_transcript(speaking_stack: Stack, number: PhoneNumber) -> None:
    async def say_it() -> str:
        synthesizer = make_synthesizer("local")
        try:
            return await _call_of_a_stranger(await synthesizer.synthesize(WORDS, "caller"))
        finally:
            synthesizer.close()

    call = final_call(asyncio.run(say_it()))

    said = " ".join(call.turns.filter(speaker=Speaker.CALLER).values_list("text", flat=True)).lower()
    assert {"grandmother", "yellow", "flowers", "kitchen"} <= set(re.findall(r"[a-z]+", said))
    assert call.caller_number == "+442079460000"


PARKING = """
name: parking
caller:
  steps:
    - wait_for_reply: {timeout_s: 30}
    - say: "Is there a parking place behind the building?"
    - wait_for_reply: {timeout_s: 30}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [parking, building], say: "Yes, there are ten places."}
"""


def test_a_whole_call_with_local_speech_is_transcribed_and_answered(speaking_stack: Stack, number: PhoneNumber) -> None:
    report = speaking_stack.call(speaking_stack.script(PARKING), NUMBER, speech="local")
    call = final_call(report.room)

    assert report.every_reply_heard
    heard = call.turns.get(speaker=Speaker.CALLER).text.lower()
    assert {"parking", "building"} <= set(re.findall(r"[a-z]+", heard))
    assert call.turns.filter(text="Yes, there are ten places.").exists()
