"""Utterances, in chunks of audio with the times of their characters and words."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from simulator.profiles import Delay
from simulator.speech.audio import AudioFormat, encode
from simulator.speech.pcm import SAMPLE_RATE, Samples, trim_silence
from simulator.world import World

_FIRST_CHUNK_S = 0.25
_CHUNK_S = 1.0


@dataclass(frozen=True)
class Word:
    """A word, and when it is said, in seconds from the start of the utterance."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Chunk:
    """A piece of an utterance: its encoded audio, its length, its characters, and the words that begin in it.

    `starts_ms` and `durations_ms` have a number a character, from the start of this chunk; together the characters last
    exactly as long as the audio.
    """

    audio: bytes
    seconds: float
    chars: list[str]
    starts_ms: list[int]
    durations_ms: list[int]
    words: list[Word]


async def speak(
    world: World, speaker: str, text: str, audio_format: AudioFormat, first_audio: Delay
) -> AsyncIterator[Chunk]:
    """Synthesize `text` in a voice of the local engine, and give it in chunks, faster than real time.

    The delay to the first chunk counts from the call: the engine's own time is part of it. Raises SynthesisError.
    """
    clock = asyncio.get_running_loop()
    due = clock.time() + first_audio.sample_s(world.rng)
    speed = world.profile.tts_speed
    pcm = np.frombuffer(await world.synthesizer.synthesize(text, speaker), dtype="<i2")
    for chunk in chunks_of(text, pcm, audio_format):
        wait_s = due - clock.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        yield chunk
        if speed:
            due = max(due, clock.time()) + chunk.seconds / speed


async def rehearse(world: World, speaker: str) -> None:
    """Synthesize what the scenario's agent may say, in one voice, so that a call waits for the profile only.

    Other voices and texts are made when they are asked for. Raises SynthesisError.
    """
    for sentence in world.scenario.agent.sentences():
        await world.synthesizer.synthesize(sentence, speaker)


def chunks_of(text: str, pcm: Samples, audio_format: AudioFormat) -> list[Chunk]:
    """Encode an utterance (16-bit mono PCM at 16 kHz) and cut it.

    It is encoded as a whole: the cuts are not heard. The characters are spread evenly over the speech in it. Spaces
    stand before and after the text, as in ElevenLabs' alignments, so that every word is complete.
    """
    chars = list(f" {' '.join(text.split())} ")
    edges = _edges(len(chars), pcm)
    audio = encode(pcm, audio_format)
    width = audio_format.sample_bytes
    cuts = [round(edge / max(len(pcm), 1) * (len(audio) // width)) * width for edge in edges]
    words = _words(chars, edges)
    chunks: list[Chunk] = []
    first = 0
    while first < len(chars):
        length = int((_CHUNK_S if chunks else _FIRST_CHUNK_S) * SAMPLE_RATE)
        last = int(np.searchsorted(edges, edges[first] + length, side="left"))
        last = min(max(last, first + 1), len(chars))
        begun = [word for index, word in words if first <= index < last]
        chunks.append(_chunk(chars[first:last], edges[first : last + 1], audio[cuts[first] : cuts[last]], begun))
        first = last
    return chunks


def _edges(count: int, pcm: Samples) -> list[int]:
    """Where each character begins, and where the last one ends, in samples."""
    trimmed = trim_silence(pcm)
    lead = 0
    if len(trimmed):
        # trim_silence gives a view into pcm: its place is how far its data lies from the start
        lead = (trimmed.__array_interface__["data"][0] - pcm.__array_interface__["data"][0]) // pcm.itemsize
    inner = np.linspace(lead, min(lead + len(trimmed), len(pcm)), count - 1)
    return [0, *(int(edge) for edge in inner), len(pcm)]


def _words(chars: list[str], edges: list[int]) -> list[tuple[int, Word]]:
    """The words, each with the index of its first character."""
    words: list[tuple[int, Word]] = []
    for space, group in groupby(enumerate(chars), key=lambda item: item[1] == " "):
        if not space:
            indexes, letters = zip(*group, strict=True)
            start, end = edges[indexes[0]], edges[indexes[-1] + 1]
            words.append((indexes[0], Word("".join(letters), start / SAMPLE_RATE, end / SAMPLE_RATE)))
    return words


def _chunk(chars: list[str], edges: list[int], audio: bytes, words: list[Word]) -> Chunk:
    times = [round((edge - edges[0]) * 1000 / SAMPLE_RATE) for edge in edges]
    durations = [after - before for before, after in zip(times, times[1:], strict=False)]
    return Chunk(audio, (edges[-1] - edges[0]) / SAMPLE_RATE, chars, times[:-1], durations, words)
