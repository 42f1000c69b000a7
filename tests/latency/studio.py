"""Recordings whose truth is known: spoken lines put together at known places."""

import asyncio
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
import soxr

from simulator.speech.pcm import SAMPLE_RATE, Samples, trim_silence
from simulator.speech.synthesis import make_synthesizer
from tools.latency.voice_activity import Speech

ERROR_S = 0.02
"""How far a time that was found may be from the truth."""

TELEPHONE_RATE = 8000
QUESTION = "Hello, I would like to know when you are open."
ANSWER = "We are open from nine to five on every working day."
SHORT = "Yes, please."
LONG = "We offer check-ups, cleanings, fillings, crowns and bridges, and a surgeon comes whenever one is needed here."


@cache
def spoken(text: str, voice: str = "caller") -> Samples:
    """A line without silence around it. Not from within an event loop."""

    async def synthesize() -> bytes:
        synthesizer = make_synthesizer("scripted")
        try:
            return await synthesizer.synthesize(text, voice)
        finally:
            synthesizer.close()

    return trim_silence(np.frombuffer(asyncio.run(synthesize()), dtype=np.int16))


@cache
def telephoned(text: str, voice: str = "caller") -> Samples:
    """A line as a telephone carries it, without silence around it: an s at its end is not in it."""
    narrow = soxr.resample(spoken(text, voice), SAMPLE_RATE, TELEPHONE_RATE)
    return trim_silence(soxr.resample(narrow, TELEPHONE_RATE, SAMPLE_RATE))


def placed(lines: Mapping[float, Samples], seconds: float) -> Samples:
    """A channel of silence with `lines` at their times (s)."""
    channel = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.int16)
    for at_s, line in lines.items():
        first = round(at_s * SAMPLE_RATE)
        channel[first : first + len(line)] += line
    return channel


def truth(lines: Mapping[float, Samples]) -> list[Speech]:
    """When `lines` are spoken."""
    return [Speech(at_s, at_s + len(line) / SAMPLE_RATE) for at_s, line in lines.items()]


def noise(seconds: float, level_db: float) -> Samples:
    """White noise, the same every time, at `level_db` of full scale."""
    random = np.random.default_rng(7).standard_normal(round(seconds * SAMPLE_RATE))
    return np.asarray(np.clip(random * 32768 * 10 ** (level_db / 20), -32768, 32767)).astype(np.int16)


def softer(samples: Samples, db: float) -> Samples:
    """The same, softer."""
    return (samples * 10 ** (-db / 20)).astype(np.int16)


def write(
    path: Path,
    left: Samples,
    right: Samples,
    codec: str = "pcm_s16le",
    rate: int = SAMPLE_RATE,
    layout: Literal["stereo", "mono"] = "stereo",
) -> Path:
    """Write two channels of 16 kHz as a file of FFmpeg's `codec` at `rate`, mixed for mono, and return its path."""
    with av.open(str(path), "w") as container:
        stream = cast(av.AudioStream, container.add_stream(codec, rate=rate, layout=layout))
        frame = av.AudioFrame.from_ndarray(np.stack([left, right]), format="s16p", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


def agree(found: tuple[Speech, ...], expected: list[Speech], error_s: float = ERROR_S) -> bool:
    """Whether the same speech was found, each edge to `error_s`."""
    return len(found) == len(expected) and all(
        abs(one.started_s - other.started_s) <= error_s and abs(one.ended_s - other.ended_s) <= error_s
        for one, other in zip(found, expected, strict=True)
    )
