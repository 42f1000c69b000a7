"""A quiet signature in speech, which says which line was spoken.

Scripted speech has no recognizer that understands words. Instead the synthetic caller adds four tones to every
utterance, and the scripted recognizer finds the line by them. The signature lasts as long as the utterance, so it is
found in any part of it, by a listener that heard nothing before, and after Opus.

A code is 16 bits, four digits of 4 bits. Each digit has its own 16 frequencies, 20 Hz apart, and sounds one of them: in
all 64 frequencies between 2.8 and 4.05 kHz. The speech gives up this band. Each tone is 26 dB under the speech's level
(RMS), and sits exactly on a bin of the 256 ms Fourier transform that reads it.

All audio is 16-bit mono PCM at 16 kHz.
"""

import zlib

import numpy as np
import numpy.typing as npt

from simulator.speech.pcm import SAMPLE_RATE, Samples, rms

CODE_BITS = 16
NO_WORDS = 0
"""The code of a sound without words, such as a cough: no line has it."""

_WINDOW = 4096
_HOP = _WINDOW // 8
_DIGITS = 4
_BASE = 16
_BINS = 720 + 5 * np.arange(_DIGITS * _BASE).reshape(_DIGITS, _BASE)
"""Bin of each digit's values. A Hann window leaks into two neighboring bins; five apart, tones do not touch."""

_BAND_HZ = (2_750.0, 4_110.0)
_LEVEL_DB = -26.0
_FADE = SAMPLE_RATE // 100
_SPEECH_RANGE_DB = 20.0
"""Windows quieter than the loudest by more than this hold no speech, and hence no signature."""
_MINIMUM_MARGIN_DB = 5.0
"""How far each digit's tone must stand above the next of its group: 1 dB or less in unmarked speech, 10 or more after
Opus at 16 kbit/s."""


def code_of(text: str) -> int:
    """Return the 16-bit code of a line: the low bits of its CRC-32, without regard to case and spacing."""
    return zlib.crc32(" ".join(text.lower().split()).encode()) & ((1 << CODE_BITS) - 1) or 1


def add_mark(pcm16k: Samples, code: int) -> Samples:
    """Return speech with the signature of `code` (0 to 65,535) under it. Silence stays silence.

    The signature starts and ends with the array: trim silence first (simulator.speech.pcm.trim_silence).
    Raises ValueError for a code that is out of range.
    """
    if not 0 <= code < 1 << CODE_BITS:
        raise ValueError(f"code is {code}: it must be between 0 and {(1 << CODE_BITS) - 1}")
    count = len(pcm16k)
    if not count:
        return pcm16k
    amplitude = rms(pcm16k) * 10 ** (_LEVEL_DB / 20) * np.sqrt(2)
    time_s = np.arange(count) / SAMPLE_RATE
    tones = np.zeros(count)
    for digit, bin_ in enumerate(_bins_of(code)):
        # different phases keep the four crests apart
        tones += amplitude * np.sin(2 * np.pi * bin_ * SAMPLE_RATE / _WINDOW * time_s + digit * np.pi / 2)
    fade = min(_FADE, count // 2)
    ramp = np.linspace(0, 1, fade, endpoint=False)
    tones[:fade] *= ramp
    tones[count - fade :] *= ramp[::-1]
    return np.clip(np.rint(_without_band(pcm16k) + tones), -32768, 32767).astype(np.int16)


def read_mark(pcm16k: Samples) -> int | None:
    """Return the code in a stretch of speech, or None if it has none or is shorter than 100 ms.

    Silence before and after does not matter. If lines were spoken one after the other, the result is one of them or
    None: cut the audio at its pauses to read each.
    """
    spectra = _loud_spectra(pcm16k)
    if spectra is None:
        return None
    # the mean of the logarithms prefers what is always there (a tone) over what is loud for a moment (speech)
    level_db = 10 * np.log10(spectra[:, _BINS] + 1e-3).mean(axis=0)
    order = np.sort(level_db, axis=1)
    if (order[:, -1] - order[:, -2]).min() < _MINIMUM_MARGIN_DB:
        return None
    code = 0
    for value in level_db.argmax(axis=1):
        code = code * _BASE + int(value)
    return code


def _bins_of(code: int) -> list[int]:
    values = [code >> 4 * (_DIGITS - 1 - digit) & (_BASE - 1) for digit in range(_DIGITS)]
    return [int(_BINS[digit, value]) for digit, value in enumerate(values)]


def _without_band(pcm16k: Samples) -> npt.NDArray[np.float64]:
    spectrum = np.fft.rfft(pcm16k.astype(np.float64))
    frequencies = np.fft.rfftfreq(len(pcm16k), 1 / SAMPLE_RATE)
    spectrum[(frequencies > _BAND_HZ[0]) & (frequencies < _BAND_HZ[1])] = 0
    return np.fft.irfft(spectrum, len(pcm16k))


def _loud_spectra(pcm16k: Samples) -> npt.NDArray[np.float64] | None:
    """Return the power spectra, one row a window, of the windows that hold speech."""
    if len(pcm16k) < SAMPLE_RATE // 10:
        return None
    padded = np.pad(pcm16k, _WINDOW // 4 if len(pcm16k) >= _WINDOW else _WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP].astype(np.float64)
    power = (windows**2).mean(axis=1)
    if power.max() < 1:
        return None
    loud = windows[power >= power.max() * 10 ** (-_SPEECH_RANGE_DB / 10)]
    spectra: npt.NDArray[np.float64] = np.abs(np.fft.rfft(loud * np.hanning(_WINDOW)))[:, : _BINS.max() + 1] ** 2
    return spectra
