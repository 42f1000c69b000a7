"""Finding speech by its energy, and the end of a turn by its silence.

Audio is 16-bit mono PCM at 16 kHz. Positions are seconds of the stream. Time passes with the audio, as it does at
Deepgram: a client that stops sending is not silent but slow, and its turn goes on with the next packet.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.speech.pcm import SAMPLE_RATE, Samples

WINDOW = SAMPLE_RATE // 100
"""Samples in a window of 10 ms."""

_QUIETEST_DB = -80.0
_LEAST_THRESHOLD_DB = -52.0
"""Speech is louder than this (dB under full scale), and so is the signature of simulator.speech.marks in a pause."""
_GREATEST_THRESHOLD_DB = -32.0
_ABOVE_NOISE_DB = 12.0
_NOISE_RISE_SPEAKING_DB = 0.01
_NOISE_RISE_DB = 0.1
_FIRST_NOISE_DB = -60.0
_LEARNING_WINDOWS = 5
_LOUDEST_LINE_DB = -42.0

ONSET_MS = 160
"""Speech in the last 250 ms that opens a turn. Shorter sounds are clicks; no service can know a word sooner."""
_RESUME_WINDOWS = 3
PREROLL_S = 0.3

EventKind = Literal["started", "paused", "resumed", "ended"]


@dataclass(frozen=True)
class SpeechEvent:
    """Something that happened in the stream at `at_s`, with the turn's bounds and audio so far.

    `pcm` is from a little before the turn's first sound, at `pcm_start_s`, to a little after its last.
    """

    kind: EventKind
    at_s: float
    turn_start_s: float
    last_voice_s: float
    pcm_start_s: float
    pcm: Samples


class EnergyDetector:
    """Says of each window of 10 ms whether it is speech, by its level above an adaptive noise floor."""

    def __init__(self) -> None:
        self._noise_db = _FIRST_NOISE_DB
        self._first: list[float] = []

    def voiced(self, windows: Samples, speaking: bool) -> list[bool]:
        """Classify the rows of `windows`, each WINDOW samples; `speaking` slows the floor's rise."""
        power = np.mean(windows.astype(np.float32) ** 2, axis=1) / 32768.0**2
        levels = 10 * np.log10(np.maximum(power, 1e-8))
        rise = _NOISE_RISE_SPEAKING_DB if speaking else _NOISE_RISE_DB
        return [self._voiced(float(level), rise) for level in levels]

    def _voiced(self, level_db: float, rise_db: float) -> bool:
        if len(self._first) < _LEARNING_WINDOWS:
            # a line is there before anyone speaks on it: its first moment is noise, unless it is as loud as speech
            self._first.append(level_db)
            if len(self._first) == _LEARNING_WINDOWS and max(self._first) <= _LOUDEST_LINE_DB:
                self._noise_db = max(*self._first, _QUIETEST_DB)
            return False
        threshold = min(max(self._noise_db + _ABOVE_NOISE_DB, _LEAST_THRESHOLD_DB), _GREATEST_THRESHOLD_DB)
        if level_db < self._noise_db:
            self._noise_db = max(_QUIETEST_DB, self._noise_db + 0.3 * (level_db - self._noise_db))
        else:
            self._noise_db += rise_db
        return level_db > threshold


class TurnFinder:
    """Cuts a stream into turns: feed audio, get events.

    A turn starts with ONSET_MS of speech. Each pause gets its own two limits from `limits`, in seconds of silence:
    `paused` comes at the first, `ended` at the second; speech in between gives `resumed`.
    """

    def __init__(self, limits: Callable[[], tuple[float, float]]) -> None:
        self._limits = limits
        self._detector = EnergyDetector()
        self._rest: Samples = np.zeros(0, dtype=np.int16)
        self._position = 0
        self._recent: deque[bool] = deque(maxlen=25)
        self._audio: deque[Samples] = deque()
        self._speaking = False
        self._paused = False
        self._run = 0
        self._turn_start = 0
        self._last_voice = 0
        self._pause_at = self._end_at = 0.0

    @property
    def position_s(self) -> float:
        """How much of the stream was heard."""
        return self._position * WINDOW / SAMPLE_RATE

    @property
    def speaking(self) -> bool:
        """True between `started` and `ended`."""
        return self._speaking

    @property
    def turn_start_s(self) -> float:
        """Where the last turn began."""
        return self._turn_start * WINDOW / SAMPLE_RATE

    @property
    def last_voice_s(self) -> float:
        """Where the last speech ended."""
        return self._last_voice * WINDOW / SAMPLE_RATE

    @property
    def silence_s(self) -> float:
        """How long ago that was."""
        return self.position_s - self.last_voice_s

    def feed(self, pcm: Samples) -> list[SpeechEvent]:
        """Hear `pcm`, of any length, and return what happened."""
        samples = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        count = len(samples) // WINDOW
        self._rest = samples[count * WINDOW :]
        if not count:
            return []
        windows = samples[: count * WINDOW].reshape(count, WINDOW)
        events: list[SpeechEvent] = []
        for window, voiced in zip(windows, self._detector.voiced(windows, self._speaking), strict=True):
            self._audio.append(window)
            self._position += 1
            event = self._in_turn(voiced) if self._speaking else self._between_turns(voiced)
            if event:
                events.append(event)
        return events

    @property
    def audio_start_s(self) -> float:
        """Where the turn's audio begins, a little before its first sound."""
        return (self._position - len(self._audio)) * WINDOW / SAMPLE_RATE

    def hold(self, silence_s: float) -> None:
        """Let the turn under way not end before this much silence; the next speech lifts it."""
        self._end_at = max(self._end_at, silence_s)

    def end_by(self, silence_s: float) -> None:
        """Let the turn under way end after this much silence at the latest; the next speech lifts it."""
        self._end_at = min(self._end_at, silence_s)

    def finish(self) -> SpeechEvent | None:
        """End the turn under way, if any, whatever the silence."""
        return self._end() if self._speaking else None

    def snapshot(self) -> Samples:
        """The turn's audio so far."""
        end = len(self._audio) - max(0, self._position - self._last_voice - 10)
        windows = list(self._audio)[: max(end, 1)]
        return np.concatenate(windows) if windows else np.zeros(0, dtype=np.int16)

    def heard_until(self, ago_s: float) -> Samples:
        """The turn's audio up to `ago_s` seconds ago."""
        windows = list(self._audio)[: max(len(self._audio) - round(ago_s * 100), 0)]
        return np.concatenate(windows) if windows else np.zeros(0, dtype=np.int16)

    def _between_turns(self, voiced: bool) -> SpeechEvent | None:
        self._recent.append(voiced)
        if sum(self._recent) * 10 < ONSET_MS:
            while len(self._audio) > PREROLL_S * 100 + len(self._recent):
                self._audio.popleft()
            return None
        self._turn_start = self._position - len(self._recent) + list(self._recent).index(True)
        self._speaking, self._paused, self._run = True, False, 0
        self._heard()
        return self._event("started")

    def _in_turn(self, voiced: bool) -> SpeechEvent | None:
        self._run = self._run + 1 if voiced else 0
        if self._run >= _RESUME_WINDOWS or (voiced and self._position - self._last_voice <= _RESUME_WINDOWS):
            self._heard()
            if self._paused:
                self._paused = False
                return self._event("resumed")
            return None
        if self.silence_s >= self._end_at - 1e-6:
            return self._end()
        if not self._paused and self.silence_s >= self._pause_at - 1e-6:
            self._paused = True
            return self._event("paused")
        return None

    def _heard(self) -> None:
        if self._position - self._last_voice > 1:
            self._pause_at, self._end_at = self._limits()
        self._last_voice = self._position

    def _end(self) -> SpeechEvent:
        event = self._event("ended")
        self._speaking = self._paused = False
        self._recent.clear()
        self._audio.clear()
        return event

    def _event(self, kind: EventKind) -> SpeechEvent:
        start_s = self._turn_start * WINDOW / SAMPLE_RATE
        return SpeechEvent(kind, self.position_s, start_s, self.last_voice_s, self.audio_start_s, self.snapshot())
