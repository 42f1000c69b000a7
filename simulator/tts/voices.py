"""The voices of the simulated accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from aiohttp import web

from simulator.speech.audio import wav
from simulator.world import World


@dataclass(frozen=True)
class Voice:
    """A premade voice. `speaker` is what the local engine is asked for: it chooses one of its voices by this name."""

    voice_id: str
    name: str
    gender: Literal["female", "male"]
    accent: Literal["american", "british"]
    description: str
    speaker: str


def by_id(*voices: Voice) -> dict[str, Voice]:
    """The voices, in their order."""
    return {voice.voice_id: voice for voice in voices}


def speaker_among(voices: Mapping[str, Voice], voice_id: str) -> str:
    """The local engine's name for a voice. Any other id is a voice too: accounts have voices of their own."""
    return voices[voice_id].speaker if voice_id in voices else voice_id


async def sample(world: World, voice: Voice) -> web.Response:
    """What a voice sounds like: a WAV file, 16-bit mono at 16 kHz."""
    text = f"Hello, my name is {voice.name}. How can I help you today?"
    pcm = await world.synthesizer.synthesize(text, voice.speaker)
    return web.Response(body=wav(np.frombuffer(pcm, dtype="<i2")), content_type="audio/wav")
