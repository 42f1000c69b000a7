"""Who speaks, when the caller interrupts before anybody does."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from workers.providers.failover.speaker import Speaker
from workers.providers.targets import Target

TARGET = Target("tts", "elevenlabs", "eleven_flash_v2_5", "http://127.0.0.1:1", "key", "rachel")


class SlowVoice:
    """A voice whose vendor takes the connection and says nothing."""

    def __init__(self) -> None:
        self.asked, self.dropped = asyncio.Event(), False

    async def connect(self, _setup: Any) -> None:
        self.asked.set()
        await asyncio.Event().wait()

    async def drop(self) -> None:
        self.dropped = True


async def test_a_connection_that_nobody_waits_for_any_more_is_dropped() -> None:
    voice: Any = SlowVoice()
    speaker = Speaker([TARGET], lambda _target, _listener: voice, Mock())
    connecting = asyncio.create_task(speaker.start(Mock()))
    await voice.asked.wait()

    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting

    assert voice.dropped
