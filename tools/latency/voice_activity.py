"""When someone speaks on a channel, to 5 ms: a model says what is speech, the level says where it begins and ends.

Silero alone judges 32 ms at once, and is sure of a word only some time after it has begun. The level alone takes a
door for a word. So sounds are found by their level, and those kept in which Silero hears speech.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.latency.recordings import SAMPLE_RATE, Samples
from workers.turns.detectors import WINDOW, SileroState

BLOCK = SAMPLE_RATE // 200
"""Samples whose level is measured at once: 5 ms."""

BLOCK_S = BLOCK / SAMPLE_RATE

SILENCE_S = 0.3
"""Shorter gaps are pauses within speech, as they are for the synthetic caller's ear (simulator.caller.ear)."""

_SHORTEST_S = 0.06
_SPEECH = 0.5
"""How sure Silero must be, at some moment of a sound; its authors' value."""

_RANGE_DB = 35.0
"""Speech is at most so much softer than a speaker's loudest: how the synthetic caller's lines are trimmed."""

_ABOVE_NOISE_DB = 10.0
_SOFTEST_DB = -60.0
_NOTHING_DB = -100.0
_BURST_S = 0.12
"""A plosive stands apart from its word by up to so much, and alone is no speech to Silero."""

_ECHO_S = 0.25
_ECHO_DB = 18.0
_ECHO_EDGE_S = 0.06

Levels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Speech:
    """Someone speaks, from the first sound to the last before SILENCE_S of silence (s from the recording's start)."""

    started_s: float
    ended_s: float

    @property
    def lasted_s(self) -> float:
        """Length in seconds."""
        return self.ended_s - self.started_s


def find_speech(samples: Samples, other_side: Samples | None = None) -> tuple[Speech, ...]:
    """The speech in 16-bit mono PCM at 16 kHz, in order, to 5 ms.

    `other_side` is what was played to the speaker meanwhile. A telephone sends some of it back: what is heard during
    it, or 250 ms after it, counts only if it is no softer than 18 dB below the speaker's loudest.
    """
    levels = _levels(samples)
    heard = _heard_by_silero(samples, len(levels))
    if not heard.any():
        return ()
    loudest = float(np.percentile(levels[heard], 99))
    loud = levels > _threshold(levels, heard, loudest)
    if other_side is not None:
        loud &= ~_may_be_echo(_levels(other_side)) | _near(levels > loudest - _ECHO_DB, _ECHO_EDGE_S)
    kept = _with_bursts(_runs(loud), heard)
    return tuple(
        Speech(float(first * BLOCK_S), float(last * BLOCK_S))
        for first, last in _joined(kept, SILENCE_S)
        if (last - first) * BLOCK_S >= _SHORTEST_S
    )


def _levels(samples: Samples) -> Levels:
    """The level of every block, in dB of full scale."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float32) / 32768
    power = np.vecdot(blocks, blocks) / BLOCK
    levels: Levels = np.maximum(10 * np.log10(np.maximum(power, 1e-12)), _NOTHING_DB).astype(np.float32)
    return levels


def _heard_by_silero(samples: Samples, blocks: int) -> Mask:
    """Which blocks are in a window that Silero takes for speech."""
    model = SileroState()
    whole = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    sure = np.array([model.confidence(window.tobytes()) >= _SPEECH for window in whole], dtype=bool)
    heard = np.zeros(blocks, dtype=bool)
    if len(sure):
        windows = np.minimum(np.arange(blocks) * BLOCK // WINDOW, len(sure) - 1)
        heard = sure[windows]
    return heard


def _threshold(levels: Levels, heard: Mask, loudest: float) -> float:
    """The level that parts speech from the noise of the line."""
    quiet = levels[~_near(heard, SILENCE_S)]
    noise = float(np.percentile(quiet, 50)) if len(quiet) else _NOTHING_DB
    # Noise nearly as loud as speech must not hide all of it.
    above_noise = min(noise + _ABOVE_NOISE_DB, loudest - _ECHO_DB)
    return max(above_noise, loudest - _RANGE_DB, _SOFTEST_DB)


def _may_be_echo(other: Levels) -> Mask:
    """Where the other side sounds, or did so just before."""
    sounding = np.flatnonzero(other > max(float(other.max(initial=_NOTHING_DB)) - _RANGE_DB, _SOFTEST_DB))
    return _spread(sounding, len(other), before_s=0.0, after_s=_ECHO_S)


def _near(mask: Mask, seconds: float) -> Mask:
    """Which blocks are so near to one of `mask`."""
    return _spread(np.flatnonzero(mask), len(mask), seconds, seconds)


def _spread(positions: npt.NDArray[np.intp], length: int, before_s: float, after_s: float) -> Mask:
    changes = np.zeros(length + 1, dtype=np.int64)
    np.add.at(changes, np.maximum(positions - round(before_s / BLOCK_S), 0), 1)
    np.add.at(changes, np.minimum(positions + round(after_s / BLOCK_S) + 1, length), -1)
    spread: Mask = np.cumsum(changes[:length]) > 0
    return spread


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """Where the mask is set: first block, and the one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _joined(runs: list[tuple[int, int]], gap_s: float) -> list[tuple[int, int]]:
    """Runs with gaps shorter than `gap_s` made one."""
    joined: list[tuple[int, int]] = []
    for first, last in runs:
        if joined and (first - joined[-1][1]) * BLOCK_S < gap_s:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _with_bursts(runs: list[tuple[int, int]], heard: Mask) -> list[tuple[int, int]]:
    """The runs that Silero hears speech in, and the short ones beside them."""
    margin = WINDOW // BLOCK
    speech = [bool(heard[max(first - margin, 0) : last + margin].any()) for first, last in runs]
    burst = _BURST_S / BLOCK_S

    def beside(index: int) -> bool:
        first, last = runs[index]
        follows = index > 0 and speech[index - 1] and first - runs[index - 1][1] <= burst
        precedes = index + 1 < len(runs) and speech[index + 1] and runs[index + 1][0] - last <= burst
        return last - first <= burst and (follows or precedes)

    return [run for index, run in enumerate(runs) if speech[index] or beside(index)]
