"""The agent's voice when it is paused, resumed and interrupted, down to what LiveKit was given."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    OutputAudioRawFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.livekit.transport import LiveKitOutputTransport
from pipecat.utils.text.base_text_aggregator import TextType

from workers.media.output import AHEAD_S, AgentVoice
from workers.media.transport import CallTransport

CHUNK_S = 0.06
SAMPLES = int(16_000 * CHUNK_S)


class Source:
    """LiveKit's audio source: what it was given and has not yet played."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.queued_duration = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        self.got.append(int(frame.data[0]))
        self.queued_duration += frame.samples_per_channel / 16_000

    def clear_queue(self) -> None:
        self.queued_duration = 0.0


class Clock:
    def get_time(self) -> int:
        return time.monotonic_ns()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def voice(source: Source, monkeypatch: pytest.MonkeyPatch) -> AgentVoice:
    """A voice that is connected to the source, with its pushed frames in `heard`."""
    transport = CallTransport("call-1", "agent-1", "sip_1")
    voice = transport.output()
    voice._client._audio_source, voice._client._connected = source, True  # type: ignore[assignment]
    voice._sample_rate = 16_000
    monkeypatch.setattr(voice, "get_clock", Clock)

    async def pushed(_self: Any, frame: Frame, _direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        vars(voice).setdefault("heard", []).append(frame)

    monkeypatch.setattr(LiveKitOutputTransport, "push_frame", pushed)
    return voice


def _chunk(number: int) -> OutputAudioRawFrame:
    pcm = np.full(SAMPLES, number, np.int16).tobytes()
    return OutputAudioRawFrame(audio=pcm, sample_rate=16_000, num_channels=1)


def _word(text: str, pts: int) -> TTSTextFrame:
    frame = TTSTextFrame(text=text, text_type=TextType.WORD)
    frame.pts = pts
    return frame


async def test_a_fifth_of_a_second_is_handed_over_ahead_and_the_rest_waits(voice: AgentVoice, source: Source) -> None:
    for number in range(1, 5):
        await voice.write_audio_frame(_chunk(number))
    assert source.queued_duration > AHEAD_S
    fifth = asyncio.create_task(voice.write_audio_frame(_chunk(5)))
    await asyncio.sleep(0)
    assert source.got == [1, 2, 3, 4]

    source.queued_duration = 0.1
    await fifth
    assert source.got == [1, 2, 3, 4, 5]


async def test_a_pause_takes_back_what_was_not_heard_and_resuming_says_it_again(
    voice: AgentVoice, source: Source
) -> None:
    for number in (1, 2, 3):
        await voice.write_audio_frame(_chunk(number))
    source.queued_duration = CHUNK_S  # 1 and 2 have been heard

    voice.pause()
    assert source.queued_duration == 0
    waiting = asyncio.create_task(voice.write_audio_frame(_chunk(4)))
    await asyncio.sleep(0)
    assert source.got == [1, 2, 3]

    await voice.resume()
    await waiting
    assert source.got == [1, 2, 3, 3, 4]


async def test_an_interruption_drops_what_waits_behind_a_pause(voice: AgentVoice, source: Source) -> None:
    await voice.write_audio_frame(_chunk(1))
    voice.pause()
    waiting = asyncio.create_task(voice.write_audio_frame(_chunk(2)))
    await asyncio.sleep(0)

    voice._drop()
    await waiting
    await voice.resume()
    assert source.got == [1]

    await voice.write_audio_frame(_chunk(3))
    assert source.got == [1, 3]


async def test_a_word_waits_as_long_as_the_agent_was_paused(voice: AgentVoice, source: Source) -> None:
    await voice.write_audio_frame(_chunk(1))
    now = time.monotonic_ns()
    voice.pause()
    word = asyncio.create_task(voice.push_frame(_word("hello", now + 1)))
    await asyncio.sleep(0.05)  # how long it was silent
    assert not word.done()

    await voice.resume()
    await word
    assert time.monotonic_ns() - now >= 50_000_000


async def test_words_come_at_their_own_time_when_nothing_was_paused(voice: AgentVoice) -> None:
    await asyncio.wait_for(voice.push_frame(_word("hello", time.monotonic_ns() + 60_000_000_000)), 5)
    assert [frame.text for frame in vars(voice)["heard"]] == ["hello"]


async def test_a_pause_that_nobody_ends_ends_by_itself(
    voice: AgentVoice, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.media.output.PAUSE_MAX_S", 0.01)
    await voice.write_audio_frame(_chunk(1))
    voice.pause()
    await asyncio.wait_for(voice.write_audio_frame(_chunk(2)), 5)
    assert source.got[-1] == 2


async def test_the_agent_speaks_from_its_first_audio_to_its_last(voice: AgentVoice) -> None:
    assert not voice.is_speaking
    await voice.push_frame(BotStartedSpeakingFrame())
    assert voice.is_speaking
    await voice.push_frame(BotStoppedSpeakingFrame())
    assert not voice.is_speaking


async def test_each_turn_of_the_agent_has_a_start_of_its_own(voice: AgentVoice, source: Source) -> None:
    async def speaks() -> int:
        source.queued_duration = 0.0
        await voice.push_frame(BotStartedSpeakingFrame())
        await voice.write_audio_frame(_chunk(9000))
        await voice.push_frame(BotStoppedSpeakingFrame())
        assert voice.turn_speech_ns is not None
        return voice.turn_speech_ns

    greeting = await speaks()
    voice.turn_over()
    await voice.write_audio_frame(_chunk(9000))  # the end of the last word, which is recorded as it begins
    assert voice.turn_speech_ns is None

    prompt = await speaks()
    assert prompt > greeting
    assert await speaks() == prompt  # one turn in two utterances
    assert voice.first_speech_ns == greeting  # no reply was awaited: its latency is no turn's
