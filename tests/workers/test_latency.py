"""The stages of a reply, from the frames of one turn."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection

from workers.latency import LatencyObserver

MS = 1_000_000
AUDIO = TTSAudioRawFrame(audio=b"\0\0", sample_rate=16_000, num_channels=1)


class Ear:
    last_speech_ns: int | None = None


class Voice:
    first_speech_ns: int | None = None

    def listen_for_reply(self) -> None:
        self.first_speech_ns = None


class Reply:
    """One turn, told in milliseconds of the pipeline's clock."""

    def __init__(self) -> None:
        self.ear, self.voice = Ear(), Voice()
        self.observer = LatencyObserver(cast(Any, self.ear), cast(Any, self.voice))

    async def at(self, ms: int, frame: Frame) -> None:
        source = cast(Any, SimpleNamespace())
        await self.observer.on_push_frame(FramePushed(source, source, frame, FrameDirection.DOWNSTREAM, ms * MS))

    def caller_stops(self, ms: int) -> None:
        self.ear.last_speech_ns = ms * MS

    def agent_starts(self, ms: int) -> None:
        self.voice.first_speech_ns = ms * MS


@pytest.fixture
def reply() -> Reply:
    return Reply()


def _heard(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text=text, user_id="caller", timestamp="")


def _hearing(text: str) -> InterimTranscriptionFrame:
    return InterimTranscriptionFrame(text=text, user_id="caller", timestamp="")


async def test_the_stages_follow_one_another_and_add_up_to_the_reply(reply: Reply) -> None:
    await reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    await reply.at(1100, _heard("opening hours"))
    await reply.at(1250, UserStoppedSpeakingFrame())
    await reply.at(1400, LLMTextFrame("We"))
    await reply.at(1500, AUDIO)
    reply.agent_starts(1510)

    latency = reply.observer.take(path_ms=100)
    assert latency is not None
    assert latency.as_fields() == {
        "reply_ms": 610,
        "stt_ms": 100,
        "end_of_turn_ms": 150,
        "llm_ms": 150,
        "tts_ms": 100,
        "transport_ms": 110,
    }


async def test_an_interrupted_reply_keeps_its_latency_and_leaves_nothing_to_the_next(reply: Reply) -> None:
    await reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    await reply.at(1250, UserStoppedSpeakingFrame())
    await reply.at(1400, LLMTextFrame("We"))
    await reply.at(1450, AUDIO)
    reply.agent_starts(1500)
    for _ in ("downstream", "upstream"):
        await reply.at(2000, UserStartedSpeakingFrame())
    await reply.at(2010, AUDIO)  # it was on its way
    interrupted = reply.observer.take(path_ms=0)
    reply.caller_stops(3000)
    await reply.at(3200, UserStoppedSpeakingFrame())
    await reply.at(3300, LLMTextFrame("Yes"))
    await reply.at(3400, AUDIO)
    reply.agent_starts(3410)
    following = reply.observer.take(path_ms=0)

    assert interrupted is not None
    assert following is not None
    assert (interrupted.reply_ms, interrupted.llm_ms) == (500, 150)
    assert (following.reply_ms, following.llm_ms, following.tts_ms, following.transport_ms) == (410, 100, 100, 10)


async def test_a_final_copy_of_words_that_were_there_adds_nothing_to_the_transcription(reply: Reply) -> None:
    await reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    await reply.at(1080, _hearing("opening hours"))
    await reply.at(1250, _heard("Opening hours."))
    await reply.at(1250, UserStoppedSpeakingFrame())
    await reply.at(1300, AUDIO)
    reply.agent_starts(1300)

    latency = reply.observer.take(path_ms=0)
    assert latency is not None
    assert (latency.stt_ms, latency.end_of_turn_ms) == (80, 170)


async def test_what_answers_nobody_has_no_latency(reply: Reply) -> None:
    await reply.at(0, AUDIO)
    reply.agent_starts(10)
    assert reply.observer.take(path_ms=0) is None


async def test_the_latency_of_one_reply_is_given_once(reply: Reply) -> None:
    await reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    await reply.at(1250, UserStoppedSpeakingFrame())
    reply.agent_starts(1500)
    assert reply.observer.take(path_ms=0) is not None
    assert reply.observer.take(path_ms=0) is None
