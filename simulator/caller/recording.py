"""A stereo recording of a call: the caller on the left, the agent on the right, as the caller heard them, and when."""

import os
import wave
from collections import deque
from pathlib import Path

import numpy as np

from simulator.speech.pcm import SAMPLE_RATE, Samples

_WATCHED_FRAMES = 25
_TOLERANCE = SAMPLE_RATE // 100
_PAUSE = SAMPLE_RATE // 5


class Channel:
    """One side's audio, put where it belongs in time. Frames are 16-bit mono PCM at 16 kHz.

    Frames come a little late now and then, and soon catch up: that is not heard, so they are joined without a gap.
    Where the least late of the last half second shows that all of them stand more than 10 ms too early or too late,
    silence is put in or the end is cut off. After a pause of 200 ms, silence is put in at once.
    """

    def __init__(self, origin: float) -> None:
        """Start at `origin` (s, monotonic clock)."""
        self._origin = origin
        self._audio = bytearray()
        self._lags: deque[int] = deque(maxlen=_WATCHED_FRAMES)

    def add(self, frame: Samples, starts_at: float) -> None:
        """Add a frame whose first sample belongs to `starts_at` (s, the same clock)."""
        lag = round((starts_at - self._origin) * SAMPLE_RATE) - len(self._audio) // 2
        self._lags.append(lag)
        if not self._audio or lag > _PAUSE:
            self._shift(lag)
        elif len(self._lags) == _WATCHED_FRAMES and abs(min(self._lags)) > _TOLERANCE:
            self._shift(min(self._lags))
        self._audio += frame.tobytes()

    def _shift(self, samples: int) -> None:
        if samples > 0:
            self._audio += bytes(2 * samples)
        elif samples < 0:
            del self._audio[2 * samples :]
        self._lags.clear()

    def samples(self) -> Samples:
        """Return everything from the origin on."""
        return np.frombuffer(bytes(self._audio), dtype=np.int16)


class Recording:
    """Both sides of a call. `left` is the caller's channel, `right` the agent's."""

    def __init__(self, origin: float) -> None:
        """Start at `origin` (s, monotonic clock)."""
        self.left = Channel(origin)
        self.right = Channel(origin)

    def write(self, path: Path) -> None:
        """Write a stereo WAV file, 16 bit at 16 kHz, for its owner alone. The shorter side ends in silence.

        Raises OSError.
        """
        left, right = self.left.samples(), self.right.samples()
        both = np.zeros((max(len(left), len(right)), 2), dtype="<i2")
        both[: len(left), 0] = left
        both[: len(right), 1] = right
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(both.tobytes())
