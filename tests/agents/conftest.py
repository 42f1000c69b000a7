"""Voices without a provider, a provider in a thread, and the broker at arm's length."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.core.cache import cache
from pytest_django import Settings

from agents.voices import catalog
from agents.voices.catalog import Voice
from common import broker
from simulator.app import running_simulator

LISTED = [
    Voice("EXAVITQu4vr4xnSDxMaL", "Sarah", "female, american", "https://example.com/sarah.mp3"),
    Voice("JBFqnCBsd6RMkjVDRZzb", "George", "male, british", "https://example.com/george.mp3"),
]


@pytest.fixture(autouse=True)
def listed_voices(monkeypatch: pytest.MonkeyPatch) -> list[Voice]:
    """The account's voices; a test about the provider puts its own in their place."""
    cache.clear()
    monkeypatch.setattr(catalog, "_fetch", lambda provider: iter(LISTED))
    return LISTED


@dataclass(frozen=True, slots=True)
class Provider:
    """A simulated ElevenLabs."""

    url: str

    def requests(self) -> int:
        """How many texts it was asked to say."""
        counts = httpx.get(f"{self.url}/control/requests").raise_for_status().json()["counts"]
        return int(counts.get("tts.http", 0))

    def fail(self, kind: str, **values: Any) -> None:
        """From now on answer with this fault."""
        fault = {"stage": "tts", "kind": kind, **values}
        httpx.put(f"{self.url}/control/faults", json=fault).raise_for_status()

    def recover(self) -> None:
        """Work again."""
        httpx.delete(f"{self.url}/control/faults").raise_for_status()


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """ElevenLabs, which the settings point to, on an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator")
    thread.start()
    simulator = running_simulator()
    url = asyncio.run_coroutine_threadsafe(simulator.__aenter__(), loop).result(30)
    settings.ELEVENLABS_BASE_URL = url
    try:
        yield Provider(url)
    finally:
        asyncio.run_coroutine_threadsafe(simulator.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class SentTasks(list[tuple[str, int]]):
    """What was sent to the broker, as (task, argument)."""

    def send_task(self, name: str, args: list[int]) -> None:
        self.append((name, args[0]))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> SentTasks:
    """Everything sent to the broker; nothing reaches one."""
    tasks = SentTasks()
    monkeypatch.setattr(broker, "current_app", tasks)
    return tasks
