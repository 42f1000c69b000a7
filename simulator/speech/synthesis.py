"""Text to speech for the simulated provider and the synthetic caller.

All audio is 16-bit mono PCM at 16 kHz. Two engines: Piper (a neural voice, for `local` speech) and espeak-ng (quick
and deterministic, for `scripted` speech). Piper is under the GPL, so it is never imported: it is a program of its own,
spoken to through its standard input.
"""

import asyncio
import zlib
from collections import OrderedDict
from typing import Literal, Protocol

import numpy as np

from simulator.speech.pcm import SAMPLE_RATE, Samples, decode_wav, resample
from simulator.speech.piper import PiperProcess, SynthesisError

__all__ = [
    "CALLER_VOICE",
    "CachedSynthesizer",
    "EspeakSynthesizer",
    "PiperSynthesizer",
    "Speech",
    "SynthesisError",
    "Synthesizer",
    "make_synthesizer",
]

Speech = Literal["local", "scripted"]

CALLER_VOICE = "caller"
"""The synthetic caller's voice; any other name is a voice of the agent."""

ESPEAK_CALLER = "en-us+m3"
ESPEAK_AGENTS = ("en-us+f3", "en-us+f2", "en-us+m7", "en-us+m1")
PIPER_AGENT_PITCHES = (1.12, 0.92, 1.2)
"""One Piper model is one person. Playing it faster or slower makes others, who can be told apart by ear."""

_NOTHING_TO_SAY = np.zeros(SAMPLE_RATE // 10, dtype=np.int16)


class Synthesizer(Protocol):
    """Turns text into speech."""

    async def synthesize(self, text: str, voice: str) -> bytes:
        """Return `text` as 16-bit mono PCM at 16 kHz, spoken by `voice`.

        `voice` is CALLER_VOICE or any name, such as an ElevenLabs voice id: each name always gives the same voice.
        Text without a letter or digit gives 100 ms of silence. Raises SynthesisError when the engine fails.
        """
        ...

    def close(self) -> None:
        """Stop what the engine has started. A later synthesize starts it again."""
        ...


def _pick[T](voice: str, choices: tuple[T, ...]) -> T:
    return choices[zlib.crc32(voice.encode()) % len(choices)]


def _speakable(text: str) -> str:
    """Return `text` on one line, or nothing if it has no letter or digit (an engine would give no audio, or fail)."""
    return " ".join(text.split()) if any(character.isalnum() for character in text) else ""


class EspeakSynthesizer:
    """espeak-ng, one short process an utterance (about 20 ms)."""

    async def synthesize(self, text: str, voice: str) -> bytes:
        """See Synthesizer."""
        line = _speakable(text)
        if not line:
            return _NOTHING_TO_SAY.tobytes()
        name = ESPEAK_CALLER if voice == CALLER_VOICE else _pick(voice, ESPEAK_AGENTS)
        try:
            process = await asyncio.create_subprocess_exec(
                *("espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", name),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except FileNotFoundError:
            raise SynthesisError("espeak-ng is not installed: run scripts/setup, or install it with apt-get") from None
        wav, errors = await process.communicate(line.encode())
        if process.returncode:
            reason = errors.decode(errors="replace").strip()
            raise SynthesisError(f"espeak-ng ended with code {process.returncode}: {reason}")
        return resample(*decode_wav(wav)).tobytes()

    def close(self) -> None:
        """Do nothing: no process outlives its utterance."""


class PiperSynthesizer:
    """Piper with the voice en_US-joe-medium: one long-lived process, which starts with the first utterance."""

    def __init__(self) -> None:
        self._piper = PiperProcess()

    async def synthesize(self, text: str, voice: str) -> bytes:
        """See Synthesizer. One utterance at a time; others wait."""
        line = _speakable(text)
        if not line:
            return _NOTHING_TO_SAY.tobytes()
        return (await asyncio.to_thread(self._speak, line, voice)).tobytes()

    def _speak(self, line: str, voice: str) -> Samples:
        samples, rate = decode_wav(self._piper.speak(line))
        pitch = 1.0 if voice == CALLER_VOICE else _pick(voice, PIPER_AGENT_PITCHES)
        return resample(samples, round(rate * pitch))

    def close(self) -> None:
        """End the Piper process."""
        self._piper.close()


class CachedSynthesizer:
    """Keeps the utterances of another synthesizer in memory, and makes each only once even when many ask at a time."""

    def __init__(self, synthesizer: Synthesizer, capacity: int = 512) -> None:
        """Hold up to `capacity` utterances; the one unused for longest goes first."""
        self._synthesizer = synthesizer
        self._capacity = capacity
        self._done: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._under_way: dict[tuple[str, str], asyncio.Task[bytes]] = {}

    async def synthesize(self, text: str, voice: str) -> bytes:
        """See Synthesizer."""
        key = (voice, text)
        if key in self._done:
            self._done.move_to_end(key)
            return self._done[key]
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        # one listener that goes away must not take the utterance from the others
        return await asyncio.shield(task)

    async def _make(self, key: tuple[str, str]) -> bytes:
        voice, text = key
        pcm = await self._synthesizer.synthesize(text, voice)
        self._done[key] = pcm
        while len(self._done) > self._capacity:
            self._done.popitem(last=False)
        return pcm

    def close(self) -> None:
        """Stop the engine; what was made stays."""
        self._synthesizer.close()


def make_synthesizer(speech: Speech) -> CachedSynthesizer:
    """Return the engine for `local` (Piper) or `scripted` (espeak-ng) speech, with a cache.

    Raises ValueError for any other name.
    """
    if speech == "local":
        return CachedSynthesizer(PiperSynthesizer())
    if speech == "scripted":
        return CachedSynthesizer(EspeakSynthesizer())
    raise ValueError(f"speech is {speech!r}: it must be local or scripted")
