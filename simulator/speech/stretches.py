"""The marked lines in a stretch of audio, and how much of a line has been said."""

from dataclasses import dataclass

import numpy as np

from simulator.speech.marks import read_mark
from simulator.speech.pcm import SAMPLE_RATE, Samples

READABLE_S = 0.5
"""Speech of this length always shows its mark; shorter speech without one may still be marked."""
OVER_SHARE = 0.85
"""Voices differ, and networks cut sounds: a pause so late in a line is its end."""
FRAGMENT_S = 1.0
"""Speech without a mark that is shorter may be the beginning of a line."""

_READ_LAST = round(READABLE_S * SAMPLE_RATE)
_WINDOW = SAMPLE_RATE // 100
_GAP_WINDOWS = 12
_GAP_RMS = 32768 * 10 ** (-52 / 20)
_OVER_BEFORE_S = 0.05


@dataclass
class Stretch:
    """Speech that carries one mark, pauses included; None is speech without one. `over` when a pause follows."""

    code: int | None
    start_s: float
    end_s: float
    over: bool

    @property
    def seconds(self) -> float:
        """From its first sound to its last."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Piece:
    """Speech between two pauses of 120 ms and more; `over` when one follows."""

    pcm: Samples
    start_s: float
    end_s: float
    over: bool


def pieces(pcm16k: Samples) -> list[Piece]:
    """Cut at pauses."""
    count = len(pcm16k) // _WINDOW
    if not count:
        return []
    windows = pcm16k[: count * _WINDOW].reshape(count, -1).astype(np.float32)
    loud = np.flatnonzero(np.sqrt(np.mean(windows**2, axis=1)) > _GAP_RMS)
    if not len(loud):
        return []
    found = []
    for group in np.split(loud, np.flatnonzero(np.diff(loud) >= _GAP_WINDOWS) + 1):
        first, last = int(group[0]), int(group[-1]) + 1
        pcm = pcm16k[first * _WINDOW : last * _WINDOW]
        found.append(Piece(pcm, first / 100, last / 100, count - last + 1 > _GAP_WINDOWS))
    return found


def stretches(pcm16k: Samples) -> list[Stretch]:
    """Join the pieces of the same line: it may hold a pause. A short sound whose mark cannot be read belongs to it."""
    found: list[Stretch] = []
    for piece in pieces(pcm16k):
        code = read_mark(piece.pcm[-_READ_LAST:])
        is_unreadable = code is None and len(piece.pcm) < _READ_LAST
        if found and (code == found[-1].code or is_unreadable):
            found[-1].end_s, found[-1].over = piece.end_s, piece.over
        elif not is_unreadable:
            found.append(Stretch(code, piece.start_s, piece.end_s, piece.over))
    return found


def words_said(text: str, seconds: float, stretch: Stretch) -> int:
    """How many of the words of a line of this length are over, each being as long as its letters make it."""
    words = text.split()
    is_whole = stretch.over and stretch.seconds >= OVER_SHARE * seconds
    if is_whole or stretch.seconds >= seconds - _OVER_BEFORE_S:
        return len(words)
    ends = np.cumsum([len(word) + 1 for word in words])
    return int(np.searchsorted(ends / ends[-1] * seconds, stretch.seconds, side="right"))
