"""The stages of a reply, from the frames of one turn."""

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

from workers.media.latency import LatencyMeter

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
        self.meter = LatencyMeter(cast(Any, self.ear), cast(Any, self.voice))

    def at(self, ms: int, frame: Frame) -> None:
        self.meter.note(frame, ms * MS)

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


def test_the_stages_follow_one_another_and_add_up_to_the_reply(reply: Reply) -> None:
    reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    reply.at(1100, _heard("opening hours"))
    reply.at(1250, UserStoppedSpeakingFrame())
    reply.at(1400, LLMTextFrame("We"))
    reply.at(1500, AUDIO)
    reply.agent_starts(1510)

    latency = reply.meter.take(path_ms=100)
    assert latency is not None
    assert latency.as_fields() == {
        "reply_ms": 610,
        "stt_ms": 100,
        "end_of_turn_ms": 150,
        "llm_ms": 150,
        "tts_ms": 100,
        "transport_ms": 110,
    }


def test_an_interrupted_reply_keeps_its_latency_and_leaves_nothing_to_the_next(reply: Reply) -> None:
    reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    reply.at(1250, UserStoppedSpeakingFrame())
    reply.at(1400, LLMTextFrame("We"))
    reply.at(1450, AUDIO)
    reply.agent_starts(1500)
    for _ in ("downstream", "upstream"):
        reply.at(2000, UserStartedSpeakingFrame())
    reply.at(2010, AUDIO)  # it was on its way
    interrupted = reply.meter.take(path_ms=0)
    reply.caller_stops(3000)
    reply.at(3200, UserStoppedSpeakingFrame())
    reply.at(3300, LLMTextFrame("Yes"))
    reply.at(3400, AUDIO)
    reply.agent_starts(3410)
    following = reply.meter.take(path_ms=0)

    assert interrupted is not None
    assert following is not None
    assert (interrupted.reply_ms, interrupted.llm_ms) == (500, 150)
    assert (following.reply_ms, following.llm_ms, following.tts_ms, following.transport_ms) == (410, 100, 100, 10)


def test_a_final_copy_of_words_that_were_there_adds_nothing_to_the_transcription(reply: Reply) -> None:
    reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    reply.at(1080, _hearing("opening hours"))
    reply.at(1250, _heard("Opening hours."))
    reply.at(1250, UserStoppedSpeakingFrame())
    reply.at(1300, AUDIO)
    reply.agent_starts(1300)

    latency = reply.meter.take(path_ms=0)
    assert latency is not None
    assert (latency.stt_ms, latency.end_of_turn_ms) == (80, 170)


def test_what_answers_nobody_has_no_latency(reply: Reply) -> None:
    reply.at(0, AUDIO)
    reply.agent_starts(10)
    assert reply.meter.take(path_ms=0) is None


def test_the_latency_of_one_reply_is_given_once(reply: Reply) -> None:
    reply.at(0, UserStartedSpeakingFrame())
    reply.caller_stops(1000)
    reply.at(1250, UserStoppedSpeakingFrame())
    reply.agent_starts(1500)
    assert reply.meter.take(path_ms=0) is not None
    assert reply.meter.take(path_ms=0) is None
