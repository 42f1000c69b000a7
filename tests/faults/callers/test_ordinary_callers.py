"""What callers do on an ordinary afternoon: they leave at any moment, say nothing, or press keys nobody asked for.

Each call ends for its true reason, and its slot is free afterwards: the worker has one.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from livekit.api import LiveKitAPI, MuteRoomTrackRequest, RoomParticipantIdentity

from agents.choices import TurnPolicy
from calls.models import Call, Heartbeat
from calls.models.history import Speaker
from calls.states import EndReason, Status
from simulator.speech.audio import wav
from simulator.speech.marks import NO_WORDS, add_mark
from simulator.speech.pcm import SAMPLE_RATE, Samples, trim_silence
from simulator.speech.synthesis import EspeakSynthesizer
from tests.factories import make_number, make_persona
from tests.faults.scenarios import SHORT_CHAT
from tests.product.calling import Caller
from tests.product.fixtures import NUMBER
from tests.product.stack import Process, Stack, eventually, final_call

pytestmark = pytest.mark.django_db(transaction=True)

LONG_GREETING = "Hello and welcome to the bakery in the old town. We are open from nine to five. What can I do for you?"
IMPATIENT = {"silence_after_s": 2, "silence_prompts_max": 1, "silence_prompt": "Are you there?"}
POLICIES = {policy: {"turn_policy": policy, "stt_model": "nova-3-general"} for policy in TurnPolicy} | {
    TurnPolicy.EAGER: {}
}


@pytest.fixture(scope="module")
def worker(stack: Stack) -> Iterator[Process]:
    with stack.worker(slots=1) as process:
        yield process


@pytest.fixture(autouse=True)
def free_slot(worker: Process, quiet: None) -> Iterator[None]:
    """No call holds the slot at the end of a test."""
    yield
    beats = Heartbeat.objects.filter(holder__endswith=f":{worker.pid}", busy=0)
    eventually(beats.exists, "a free slot")


def persona(**values: Any) -> None:
    make_number(NUMBER, make_persona(**{"greeting": "Hello.", "goodbye": "Goodbye.", "voice_id": "rachel", **values}))


def ended(room: str) -> tuple[Call, list[str]]:
    """The call of a room once it is over, and what its agent said."""
    call = final_call(room)
    return call, [turn.text for turn in call.turns.filter(speaker=Speaker.AGENT)]


LISTENS = """
name: listens
caller:
  steps:
    - stay_silent: {seconds: 60}
agent:
  default: "Pardon?"
"""


def test_a_caller_who_leaves_during_the_greeting(stack: Stack) -> None:
    persona(greeting=LONG_GREETING)
    with Caller(stack, stack.script(LISTENS), NUMBER) as caller:
        caller.wait_for("agent_speaking")
        caller.hang_up()
    call, said = ended(caller.room)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert all(LONG_GREETING.startswith(words) and words != LONG_GREETING for words in said)


TALKS = """
name: talks
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "I would like to order a cake for the birthday of my grandmother, who is going to be ninety on Saturday."
    - stay_silent: {seconds: 60}
agent:
  default: "We shall bake it."
"""


@pytest.mark.parametrize("policy", list(TurnPolicy))
def test_a_caller_who_leaves_in_mid_word(stack: Stack, policy: TurnPolicy) -> None:
    persona(**POLICIES[policy])
    with Caller(stack, stack.script(TALKS), NUMBER) as caller:
        caller.wait_for("caller_speaking")
        caller.hang_up()
    call, said = ended(caller.room)

    assert (call.status, call.end_reason, said) == (Status.COMPLETED, EndReason.CALLER_LEFT, ["Hello."])


TAKES_LEAVE = """
name: takes leave
caller:
  steps:
    - wait_for_reply: {timeout_s: 20}
    - say: "That is all."
    - stay_silent: {seconds: 60}
agent:
  default: "Thank you for calling the bakery in the old town, it was a pleasure to talk to you. Goodbye."
  rules:
    - when: [all]
      say: "Thank you for calling the bakery in the old town, it was a pleasure to talk to you. Goodbye."
      call: {name: end_call, arguments: {}}
"""


def test_a_caller_who_leaves_during_the_goodbye(stack: Stack) -> None:
    persona()
    with Caller(stack, stack.script(TAKES_LEAVE), NUMBER) as caller:
        caller.wait_for("caller_silent")
        caller.wait_for_another("agent_speaking")
        caller.hang_up()
    call, said = ended(caller.room)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert not any("Goodbye" in words for words in said)


def noise(seconds: float) -> Samples:
    """A television in the caller's room: speech that no recognizer understands."""
    text = "It was a dark and stormy night, and the rain fell in torrents on all the roofs of the town."
    pcm = asyncio.run(EspeakSynthesizer().synthesize(text, "television"))
    speech = trim_silence(np.frombuffer(pcm, dtype="<i2"))
    return add_mark(np.tile(speech, int(seconds * SAMPLE_RATE) // len(speech) + 1), NO_WORDS)


@pytest.mark.parametrize("policy", list(TurnPolicy))
def test_a_caller_who_is_only_noise_is_asked_and_then_hears_the_goodbye(
    stack: Stack, policy: TurnPolicy, tmp_path: Path
) -> None:
    (tmp_path / "television.wav").write_bytes(wav(noise(60)))
    persona(**POLICIES[policy], **IMPATIENT)
    steps = f'- play: {{clip: "{tmp_path}/television.wav"}}\n    - stay_silent: {{seconds: 60}}'
    report = stack.call(stack.script(LISTENS.replace("- stay_silent: {seconds: 60}", steps)), NUMBER)
    call, _ = ended(report.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.SILENCE)
    assert not call.turns.filter(speaker=Speaker.CALLER)


@pytest.mark.parametrize("policy", list(TurnPolicy))
def test_a_caller_whose_line_sends_nothing_is_asked_and_then_hears_the_goodbye(
    stack: Stack, policy: TurnPolicy
) -> None:
    persona(**POLICIES[policy], **IMPATIENT)
    report = stack.call(stack.script(LISTENS), NUMBER, mute=True)
    call, said = ended(report.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.SILENCE)
    assert said == ["Hello.", "Are you there?", "Goodbye."]


@pytest.mark.parametrize("policy", list(TurnPolicy))
def test_a_caller_whose_line_falls_silent_in_mid_word_is_asked_and_then_hears_the_goodbye(
    stack: Stack, policy: TurnPolicy
) -> None:
    persona(**POLICIES[policy], **IMPATIENT)
    with Caller(stack, stack.script(TALKS), NUMBER) as caller:
        caller.wait_for("caller_speaking")
        asyncio.run(mute(Call.objects.get(room_name=caller.room)))
        report = caller.report
    call, said = ended(caller.room)

    assert report.ended_by == "agent"
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.SILENCE)
    assert said[-2:] == ["Are you there?", "Goodbye."]


async def mute(call: Call) -> None:
    """Have no more audio come from the caller's side."""
    async with LiveKitAPI(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET) as livekit:
        who = RoomParticipantIdentity(room=call.room_name, identity=call.caller_identity)
        (track,) = (await livekit.room.get_participant(who)).tracks
        request = MuteRoomTrackRequest(room=who.room, identity=who.identity, track_sid=track.sid, muted=True)
        await livekit.room.mute_published_track(request)


def test_a_caller_whose_line_takes_no_audio_is_not_kept(stack: Stack) -> None:
    make_number(NUMBER, make_persona("Anna", greeting="Hello.", voice_id="rachel"), ring_time_s=8)
    report = stack.call(stack.script(LISTENS), NUMBER, deaf=True)
    call, said = ended(report.room)

    assert report.ended_by == "agent"
    assert call.end_detail == "the caller's side did not take the agent's audio"
    assert (call.status, call.end_reason, said) == (Status.MISSED, EndReason.NO_AGENT_FREE, [])


KEYS = """
name: keys
caller:
  steps:
    - dtmf: "1"
    - wait_for_reply: {timeout_s: 20}
    - dtmf: "*7#"
    - say: "What are your opening hours?"
    - dtmf: "0"
    - wait_for_reply: {timeout_s: 20}
    - hang_up
agent:
  default: "Could you say that again?"
  rules:
    - {when: [opening hours], say: "We are open from nine to five."}
"""


def test_keys_that_nobody_asked_for_are_recorded_and_disturb_nothing(stack: Stack) -> None:
    persona(greeting=LONG_GREETING)
    report = stack.call(stack.script(KEYS), NUMBER)
    call, said = ended(report.room)

    assert report.every_reply_heard
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert said == [LONG_GREETING, "We are open from nine to five."]
    assert [event.detail["digit"] for event in call.events.filter(kind="dtmf")] == ["1", "*", "7", "#", "0"]


def test_the_next_caller_is_answered_by_the_same_worker(stack: Stack, number: Any) -> None:
    report = stack.call(stack.script(SHORT_CHAT), NUMBER)
    assert report.every_reply_heard
