"""Plain audio: 16-bit mono PCM at 16 kHz, held in numpy int16 arrays.

Every part of the simulator agrees on this one shape, so only this file converts.
"""

import struct

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.int16]

SAMPLE_RATE = 16_000
"""Samples a second, of every array and byte string in the simulator."""

_TRIM_WINDOW = SAMPLE_RATE // 1000 * 5


def decode_wav(data: bytes) -> tuple[Samples, int]:
    """Return the samples and the rate of a 16-bit mono WAV file.

    Programs that write a WAV file to a pipe cannot know its length, and leave a placeholder in the header: a data
    chunk that claims to be longer than the file ends where the file ends.

    Raises ValueError when `data` is not a 16-bit mono WAV file.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    position, rate = 12, 0
    while position + 8 <= len(data):
        name, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        body = position + 8
        if name == b"fmt ":
            _, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, body)
            if (channels, bits) != (1, 16):
                raise ValueError(f"expected 16-bit mono, got {bits}-bit with {channels} channels")
        if name == b"data" and rate:
            end = min(body + size, len(data))
            return np.frombuffer(data[body : end - (end - body) % 2], dtype="<i2"), rate
        position = body + size + size % 2
    raise ValueError("the WAV file has no audio")


def resample(samples: Samples, rate: int) -> Samples:
    """Return `samples`, taken at `rate` Hz, at 16 kHz."""
    if rate == SAMPLE_RATE or not len(samples):
        return samples
    converted: Samples = soxr.resample(samples, rate, SAMPLE_RATE)
    return converted


def rms(samples: Samples) -> float:
    """Return the root mean square of `samples`, in 16-bit steps (0 to 32,768)."""
    if not len(samples):
        return 0.0
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def trim_silence(samples: Samples, below_peak_db: float = 35.0) -> Samples:
    """Cut the silence before the first and after the last speech.

    Silence is a 5 ms window whose level is more than `below_peak_db` dB under the loudest window's.
    """
    windows = len(samples) // _TRIM_WINDOW
    if not windows:
        return samples
    levels = np.sqrt(np.mean(samples[: windows * _TRIM_WINDOW].reshape(windows, -1).astype(np.float64) ** 2, axis=1))
    loud = np.flatnonzero(levels > levels.max() * 10 ** (-below_peak_db / 20))
    if not len(loud):
        return samples[:0]
    return samples[loud[0] * _TRIM_WINDOW : (loud[-1] + 1) * _TRIM_WINDOW]
