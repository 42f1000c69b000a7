"""What the caller's sounds do while the agent speaks: pause it, interrupt it, or nothing at all."""

from typing import Any

import numpy as np
import pytest
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult

from workers.turns import barge_in
from workers.turns.backchannels import is_backchannel
from workers.turns.barge_in import BargeIn
from workers.turns.detectors import WINDOW

SOUND = np.full(WINDOW, 5000, np.int16).tobytes()
SILENCE = bytes(WINDOW * 2)


class Voice:
    """The agent's voice, as far as an interruption concerns it."""

    def __init__(self) -> None:
        self.is_speaking = True
        self.is_paused = False
        self.resumed = 0
        self.heard_s = 4.0

    def pause(self) -> None:
        self.is_paused = True

    async def resume(self) -> None:
        self.resumed += self.is_paused
        self.is_paused = False


class Caller:
    """A caller whose every loud window is speech."""

    def __init__(self, judge: BargeIn, voice: Voice) -> None:
        self.judge = judge
        self.voice = voice
        self.turns = 0
        self.dropped = 0
        self.judged_again: list[str] = []

        async def started(*_: Any) -> None:
            self.turns += 1
            await judge.handle_user_turn_started()

        async def dropped(*_: Any) -> None:
            self.dropped += 1

        async def pushed(_judge: BargeIn, frame: Frame, _direction: object) -> None:
            if isinstance(frame, TranscriptionFrame):
                self.judged_again.append(frame.text)
            await judge.process_frame(frame)

        judge.add_event_handler("on_push_frame", pushed)
        judge.add_event_handler("on_user_turn_started", started)
        judge.add_event_handler("on_reset_aggregation", dropped)

    async def speaks(self, ms: int) -> None:
        await self._hears(SOUND, ms)

    async def is_silent(self, ms: int) -> None:
        await self._hears(SILENCE, ms)

    async def is_heard(self, words: str, *, final: bool = False) -> ProcessFrameResult:
        kind = TranscriptionFrame if final else InterimTranscriptionFrame
        return await self.judge.process_frame(kind(text=words, user_id="caller", timestamp=""))

    async def hears_the_end(self, after_s: float) -> None:
        """The agent says what it still has to say, `after_s` seconds of it, and stops."""
        self.voice.heard_s += after_s
        self.voice.is_speaking = False
        await self.judge.process_frame(BotStoppedSpeakingFrame())

    async def _hears(self, window: bytes, ms: int) -> None:
        for _ in range(round(ms / barge_in.WINDOW_MS)):
            await self.judge.hear(window)


@pytest.fixture
def voice() -> Voice:
    return Voice()


@pytest.fixture
def caller(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(BargeIn, "_is_speech", lambda self, window: window == SOUND)
    judge: Any = BargeIn(voice, "en-US")  # type: ignore[arg-type]
    return Caller(judge, voice)


async def test_the_agent_pauses_when_somebody_speaks(caller: Caller, voice: Voice) -> None:
    await caller.speaks(64)
    assert voice.is_paused
    assert caller.turns == 0


async def test_a_click_does_not_even_pause_the_agent(caller: Caller, voice: Voice) -> None:
    for _ in range(10):
        await caller.speaks(32)
        await caller.is_silent(64)
    assert not voice.is_paused


async def test_a_sound_without_words_lets_the_agent_resume(caller: Caller, voice: Voice) -> None:
    await caller.speaks(300)
    await caller.is_silent(480)
    assert (caller.turns, voice.is_paused, voice.resumed) == (0, False, 1)


async def test_a_backchannel_lets_the_agent_resume_and_its_words_are_dropped(caller: Caller, voice: Voice) -> None:
    await caller.speaks(400)
    await caller.is_heard("Mhm, yeah.", final=True)
    await caller.is_silent(480)
    assert (caller.turns, caller.dropped, voice.resumed) == (0, 1, 1)


async def test_words_that_interrupt_start_the_callers_turn(caller: Caller, voice: Voice) -> None:
    await caller.speaks(200)
    assert await caller.is_heard("wait") == ProcessFrameResult.STOP
    assert (caller.turns, voice.resumed) == (1, 0)


async def test_long_speech_is_an_interruption_before_its_words_are_there(caller: Caller) -> None:
    await caller.speaks(barge_in.REAL_MS + 64)
    assert caller.turns == 1


async def test_each_sound_that_was_none_asks_more_of_the_next(caller: Caller, voice: Voice) -> None:
    await caller.speaks(64)
    await caller.is_silent(480)
    await caller.speaks(96)
    assert not voice.is_paused
    await caller.speaks(32)
    assert voice.is_paused


async def test_the_next_utterance_of_the_agent_is_judged_afresh(caller: Caller, voice: Voice) -> None:
    await caller.speaks(64)
    await caller.is_silent(480)
    voice.is_speaking = False
    await caller.is_silent(32)
    voice.is_speaking = True
    await caller.speaks(64)
    assert voice.is_paused


@pytest.mark.parametrize("frame", [VADUserStartedSpeakingFrame(), ProposedUserStartedSpeakingFrame()])
async def test_while_the_agent_is_silent_any_speech_is_a_turn(caller: Caller, voice: Voice, frame: Any) -> None:
    assert await caller.judge.process_frame(frame) == ProcessFrameResult.CONTINUE
    voice.is_speaking = False
    assert await caller.judge.process_frame(frame) == ProcessFrameResult.STOP
    assert caller.turns == 1


async def test_a_backchannel_to_a_silent_agent_is_an_answer(caller: Caller, voice: Voice) -> None:
    voice.is_speaking = False
    await caller.is_heard("Okay.", final=True)
    assert caller.turns == 1


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("Yeah.", "en-US"),
        ("Right.", "en-GB"),
        ("Sí.", "es"),
        ("Oui.", "fr"),
        ("Ja.", "de"),
        ("Sì.", "it"),
        ("Sim.", "pt"),
        ("Ja.", "nl"),
    ],
)
async def test_a_backchannel_at_the_end_of_the_agents_speech_is_an_answer(
    caller: Caller, words: str, language: str
) -> None:
    caller.judge._language = language
    await caller.speaks(300)
    await caller.is_heard(words, final=True)
    await caller.judge.process_frame(ProposedUserStoppedSpeakingFrame())
    await caller.is_silent(480)
    assert caller.turns == 0

    await caller.hears_the_end(after_s=0.4)
    assert (caller.turns, caller.judged_again) == (1, [words])


async def test_a_backchannel_before_the_end_stays_one(caller: Caller) -> None:
    await caller.is_heard("Mhm.", final=True)
    await caller.hears_the_end(after_s=1.5)
    assert (caller.turns, caller.judged_again) == (0, [])


async def test_an_answer_is_given_once(caller: Caller, voice: Voice) -> None:
    await caller.is_heard("Yeah.", final=True)
    await caller.hears_the_end(after_s=0.1)
    voice.is_speaking = True
    await caller.hears_the_end(after_s=0.1)
    assert (caller.turns, caller.judged_again) == (1, ["Yeah."])


async def test_a_caller_who_says_goodbye_while_the_agent_does_lets_it_finish(caller: Caller, voice: Voice) -> None:
    caller.judge.taking_leave = True
    await caller.speaks(300)
    await caller.is_heard("Okay, bye.", final=True)
    await caller.is_silent(480)
    await caller.hears_the_end(after_s=0.1)
    assert (caller.turns, caller.judged_again, voice.resumed) == (0, [], 1)

    voice.is_speaking = True
    await caller.is_heard("Wait, one more question.")
    assert caller.turns == 1


@pytest.mark.parametrize(("words", "language"), [("Ja.", "de"), ("Sí.", "es"), ("Yeah.", "en-US"), ("Bye.", "en-US")])
async def test_any_word_of_a_silent_caller_interrupts_the_agents_goodbye(
    caller: Caller, words: str, language: str
) -> None:
    caller.judge._language = language
    caller.judge.any_word_interrupts = True
    await caller.is_heard("…")
    assert caller.turns == 0

    await caller.is_heard(words)
    assert caller.turns == 1


async def test_words_that_are_predicted_begin_a_turn_too(caller: Caller, voice: Voice) -> None:
    voice.is_speaking = False
    await caller.judge.process_frame(EagerTranscriptionFrame("Okay.", user_id="caller", timestamp=""))
    assert caller.turns == 1


async def test_an_agent_that_ends_while_it_is_paused_is_not_paused_when_it_speaks_next(
    caller: Caller, voice: Voice
) -> None:
    await caller.speaks(64)
    voice.is_speaking = False
    await caller.is_silent(32)
    assert not voice.is_paused


@pytest.mark.parametrize(
    ("words", "language", "expected"),
    [
        ("Mm-hmm.", "en-US", True),
        ("Yeah, okay!", "en-GB", True),
        ("Yes.", "en-US", False),  # an answer
        ("No, wait.", "en-US", False),
        ("okay but", "en-US", False),
        ("Genau.", "de", True),
        ("D'accord", "fr", True),
        ("Sí, claro", "es", True),
        ("Va bene", "it", True),
        ("Tá certo.", "pt", True),
        ("Oké, precies.", "nl", True),
        ("", "en-US", True),
    ],
)
def test_backchannels_are_known_in_the_personas_language(words: str, language: str, expected: bool) -> None:
    assert is_backchannel(words, language) is expected
