"""A simulator in this process, with scripted speech and no delays, and a caller's voice for it."""

from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest

from simulator.app import running_simulator
from simulator.speech.marks import add_mark, code_of
from simulator.speech.pcm import SAMPLE_RATE, trim_silence
from simulator.speech.synthesis import CALLER_VOICE, make_synthesizer

SECOND = bytes(SAMPLE_RATE * 2)
"""A second of silence."""


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    async with running_simulator() as url:
        yield url


@pytest.fixture
async def http(base_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url) as session:
        yield session


async def say(text: str) -> bytes:
    """A line of the synthetic caller: marked speech, 16-bit mono PCM at 16 kHz, no silence around it."""
    synthesizer = make_synthesizer("scripted")
    try:
        pcm = trim_silence(np.frombuffer(await synthesizer.synthesize(text, CALLER_VOICE), dtype="<i2"))
    finally:
        synthesizer.close()
    return add_mark(pcm, code_of(text)).tobytes()
