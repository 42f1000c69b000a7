"""When a recognizer counts as deaf: after speech that brings no words, and after nothing else."""

import asyncio
from typing import Any, cast

import numpy as np
import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    TranscriptionFrame,
)

from tests.simulator.conftest import say
from workers.providers.recognizer import TranscriptCompleteFrame
from workers.turns.deaf_watch import DeafWatch

FRAME = 1024  # bytes: 32 ms
SENTENCE = "Hello, could you tell me your opening hours, please?"


class Line:
    """A call as far as the watch is concerned. `replaced` are the seconds at which it acted, and whether by another."""

    def __init__(self) -> None:
        self.is_speaking = False  # the agent
        self.is_blamable = True
        self.heard_s = 0.0
        self.replaced: list[tuple[int, bool]] = []
        self.watch = DeafWatch(cast(Any, self), cast(Any, self))

    def replace_deaf(self, *, by_another: bool) -> bool:
        if self.is_blamable:
            self.replaced.append((round(self.heard_s), by_another))
        return self.is_blamable

    async def hears(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), FRAME):
            piece = pcm[start : start + FRAME]
            self.heard_s += len(piece) / 32000
            await self.watch.hear(piece)
            if self.watch._judging is not None:
                await asyncio.gather(self.watch._judging, return_exceptions=True)

    async def hears_silence(self, seconds: float) -> None:
        await self.hears(bytes(round(seconds * 16000) * 2))

    def pushes(self, frame: Frame) -> None:
        self.watch.note(None, frame)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture(scope="module")
def speech() -> bytes:
    """A sentence of three seconds."""
    return asyncio.run(say(SENTENCE))


def transcript(text: str, kind: type[Frame] = TranscriptionFrame) -> Frame:
    return cast(Frame, cast(Any, kind)(text=text, user_id="caller", timestamp=""))


async def test_a_sentence_without_words_has_the_recognizer_connected_anew_after_six_seconds(
    line: Line, speech: bytes
) -> None:
    await line.hears_silence(20)
    await line.hears(speech)
    await line.hears_silence(5)

    assert line.replaced == [(26, False)]


async def test_then_another_one_hears_the_same_and_then_pauses_grow_until_it_is_left_alone(
    line: Line, speech: bytes
) -> None:
    for _ in range(30):
        await line.hears(speech)
        await line.hears_silence(3)

    assert line.replaced == [(6, False), (12, True), (24, True), (48, True)]


async def test_a_caller_who_waits_for_an_answer_in_silence_is_heard_by_the_second_recognizer_too(
    line: Line, speech: bytes
) -> None:
    await line.hears(speech)
    await line.hears_silence(60)

    assert line.replaced == [(6, False), (12, True)]


@pytest.mark.parametrize(
    "frame",
    [transcript(SENTENCE), transcript("Hello", InterimTranscriptionFrame), ProposedUserStartedSpeakingFrame()],
    ids=["final", "interim", "turn"],
)
async def test_words_and_turns_show_that_it_hears(line: Line, speech: bytes, frame: Frame) -> None:
    for _ in range(5):
        await line.hears(speech)
        line.pushes(frame)
        line.pushes(transcript(SENTENCE))
        await line.hears_silence(6)

    assert line.replaced == []


async def test_after_words_a_recognizer_that_was_deaf_is_trusted_again(line: Line, speech: bytes) -> None:
    for _ in range(2):
        await line.hears(speech)
        await line.hears_silence(4)
        line.pushes(transcript(SENTENCE))

    assert [by_another for _, by_another in line.replaced] == [False, False]


async def test_the_same_words_of_an_open_turn_again_and_again_are_no_new_ones(line: Line, speech: bytes) -> None:
    for _ in range(30):
        await line.hears(speech[: FRAME * 20] + bytes(FRAME))
        line.pushes(transcript("Hello", InterimTranscriptionFrame))

    assert line.replaced[0] == (7, False)


async def test_that_there_were_no_words_before_a_pause_is_no_word(line: Line, speech: bytes) -> None:
    await line.hears(speech)
    line.pushes(TranscriptCompleteFrame())
    await line.hears_silence(5)

    assert line.replaced == [(6, False)]


async def test_noise_music_and_coughs_are_no_speech(line: Line, speech: bytes) -> None:
    for sound in (_street(20), _music(20)):
        await line.hears(sound)
        assert line.replaced == []
    for _ in range(10):
        await line.hears(speech[FRAME * 5 : FRAME * 10])  # 160 ms of a voice
        await line.hears_silence(5)

    assert line.replaced == []


async def test_the_echo_of_the_agent_is_not_the_callers_speech(line: Line, speech: bytes) -> None:
    line.is_speaking = True
    for _ in range(10):
        await line.hears(speech)

    assert line.replaced == []


async def test_time_goes_on_while_the_agent_asks_whether_anybody_is_there(line: Line, speech: bytes) -> None:
    await line.hears(speech)
    line.is_speaking = True
    await line.hears_silence(5)

    assert line.replaced == [(6, False)]


async def test_while_another_agent_listens_nobody_is_blamed(line: Line, speech: bytes) -> None:
    line.is_blamable = False
    await line.hears(speech)
    await line.hears_silence(5)
    line.is_blamable = True
    await line.hears_silence(20)

    assert line.replaced == []


def _street(seconds: float) -> bytes:
    """Cars that pass: noise that swells."""
    at = np.arange(round(16000 * seconds)) / 16000
    noise = np.random.default_rng(1).normal(0, 3000, at.size)
    return (noise * (0.2 + 0.8 * (np.sin(2 * np.pi * 0.4 * at) > 0))).astype(np.int16).tobytes()


def _music(seconds: float) -> bytes:
    """A chord, twice a second."""
    at = np.arange(round(16000 * seconds)) / 16000
    chord = sum(np.sin(2 * np.pi * tone * at) for tone in (220, 277, 330)) * 3000
    return (chord * (np.sin(4 * np.pi * at) > 0)).astype(np.int16).tobytes()
