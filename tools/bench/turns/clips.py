"""The caller's sounds as files: made at run time, as they come out of a telephone, and kept in .local/bench/clips.

A clip is words or a sound, leveled, with noise if the case says so; then cut to 300 to 3,400 Hz, sampled at 8 kHz,
coded as PCMU (G.711 mu-law) and decoded again, and brought to 16 kHz for the caller's mouth. Only then are the
recognizer's marks added (simulator.speech.marks): they lie at 2.75 to 4.11 kHz, and a telephone would cut a part of
them. The speech gives up that band.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simulator.speech.audio import AudioDecoder, AudioFormat, encode, wav
from simulator.speech.marks import NO_WORDS, add_mark, code_of, read_mark
from simulator.speech.pcm import SAMPLE_RATE, Samples, decode_wav, rms
from simulator.steps import Words
from tools.bench.turns import sounds
from tools.bench.turns.cases import Case
from tools.bench.turns.voices import Speaker
from tools.errors import ToolError

Audio = npt.NDArray[np.float64]

FORMAT = 3
"""Part of the cache's key: raise it when clips are made differently."""
SPEECH_RMS = 2_600.0
"""Level of normal speech in the telephone's band: -22 dB of full scale, as the simulator's other callers have."""
BAND_HZ = (300.0, 3_400.0)
_EDGE_HZ = 40.0
_SEED = 20_261
_AROUND = SAMPLE_RATE // 50
"""Silence before and after a sound: a filter needs room for what it makes of a click."""
_WINDOW = SAMPLE_RATE // 100
_PAUSE_WINDOWS = 8
_QUIET_DB = 35.0
_SHORTEST_MARKED = SAMPLE_RATE // 10
"""A shorter sound opens no turn in any service, and has no room for a mark."""


@dataclass(frozen=True)
class Clip:
    """A file, and the stretches of words in it."""

    path: Path
    words: tuple[Words, ...]


def make(case: Case, speaker: Speaker, directory: Path) -> Clip:
    """The clip of a case, from the cache or made now. Raises ToolError. Not for a case in which nothing is heard."""
    key = hashlib.sha256(repr((FORMAT, case)).encode()).hexdigest()[:12]
    path = directory / f"{case.name}-{key}.wav"
    lengths = path.with_suffix(".json")
    if not (path.exists() and lengths.exists()):
        parts = _words(case, speaker) if case.says else [sound(case)]
        directory.mkdir(parents=True, exist_ok=True)
        lengths.write_text(json.dumps([round(len(part) / SAMPLE_RATE, 3) for part in parts]))
        path.write_bytes(wav(_joined(parts, case.pauses_ms)))
    seconds = json.loads(lengths.read_text())
    words = [
        Words(text, length, unfinished=number < len(case.says))
        for number, (text, length) in enumerate(zip(case.says, seconds, strict=False), 1)
    ]
    return Clip(path, tuple(words))


def sound(case: Case) -> Samples:
    """The wordless sound of a case, with the mark that says so unless it is too short for one."""
    narrow = band(np.pad(sounds.make(case.sound, _SEED), _AROUND))
    level = float(np.sqrt(np.mean(narrow[_AROUND:-_AROUND] ** 2)))
    made = coded(narrow * (_target(case) / level))
    return _marked(made, NO_WORDS, case.name) if len(made) >= _SHORTEST_MARKED else made


def _words(case: Case, speaker: Speaker) -> list[Samples]:
    """The stretches of a case's speech, each with its mark.

    They are spoken as one sentence, with commas where the caller pauses, and cut there: so the voice does not fall as
    at an end.
    """
    speech = speaker.speak(", ".join(stretch.rstrip(",") for stretch in case.spoken), case.voice)
    stretches = split(speech, len(case.spoken))
    if len(stretches) < len(case.spoken):
        raise ToolError(f"case {case.name}: its voice makes too few pauses: use other words, or another voice")
    rng = np.random.default_rng([_SEED, *case.name.encode()])
    marked = []
    for text, stretch in zip(case.says, stretches, strict=True):
        samples = band(stretch.astype(np.float64))
        samples *= _target(case) / samples.std()
        if case.noise_db is not None:
            street = band(sounds.street(len(samples) / SAMPLE_RATE, rng))
            samples += street * (_target(case) / street.std() * 10 ** (-case.noise_db / 20))
        marked.append(_marked(coded(samples), code_of(text), case.name))
    return marked


def split(speech: Samples, count: int) -> list[Samples]:
    """Cut speech at its longest pauses into `count` stretches without silence around them; fewer if it has too few."""
    windows = len(speech) // _WINDOW
    power = np.mean(speech[: windows * _WINDOW].reshape(windows, _WINDOW).astype(np.float64) ** 2, axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-_QUIET_DB / 10))
    gaps = np.flatnonzero(np.diff(loud) >= _PAUSE_WINDOWS)
    longest = np.sort(gaps[np.argsort(np.diff(loud)[gaps])[::-1][: count - 1]])
    groups = np.split(loud, longest + 1)
    return [speech[group[0] * _WINDOW : (group[-1] + 1) * _WINDOW] for group in groups]


def _target(case: Case) -> float:
    """The level of a case's sound in the telephone's band (RMS, 16-bit steps)."""
    return SPEECH_RMS * float(10 ** (case.level_db / 20))


def band(samples: Audio) -> Audio:
    """What of a sound (16 kHz) is in the telephone's band."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    low, high = BAND_HZ
    spectrum *= np.clip((frequencies - low) / _EDGE_HZ + 0.5, 0, 1) * np.clip(
        (high - frequencies) / _EDGE_HZ + 0.5, 0, 1
    )
    return np.fft.irfft(spectrum, len(samples))


def coded(samples: Audio) -> Samples:
    """What of a sound (16 kHz, in 16-bit steps) is left after PCMU at 8 kHz; what is too loud is clipped."""
    tail = np.zeros(SAMPLE_RATE // 10)  # the resampler keeps the last milliseconds to itself
    pcm = np.clip(np.rint(np.concatenate([samples, tail])), -32768, 32767).astype(np.int16)
    return AudioDecoder("mulaw", 8_000).feed(encode(pcm, AudioFormat("mulaw", 8_000)))[: len(samples)]


def _marked(samples: Samples, code: int, name: str) -> Samples:
    marked = add_mark(samples, code)
    if read_mark(marked) != code:
        raise ToolError(f"case {name}: its mark cannot be read in the sound: make the sound longer, or less loud")
    return marked


def _joined(parts: list[Samples], pauses_ms: tuple[int, ...]) -> Samples:
    joined = [parts[0]]
    for part, pause_ms in zip(parts[1:], pauses_ms, strict=True):
        joined += [np.zeros(pause_ms * SAMPLE_RATE // 1000, dtype=np.int16), part]
    return np.concatenate(joined)


def read(clip: Clip) -> Samples:
    """The clip's samples (16-bit mono PCM at 16 kHz)."""
    return decode_wav(clip.path.read_bytes())[0]


def level_db(samples: Samples) -> float:
    """The level against that of normal speech, in dB."""
    return float(20 * np.log10(max(rms(samples), 1e-3) / SPEECH_RMS))
