"""Lines that the voice has said before: found while the agent joins, and in memory once a process."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import OperationalError

from agents.models import PersonaVersion, SpokenLine
from agents.voices import speech_requests
from agents.voices.fixed_lines import fixed_texts, voice_of
from common.database import in_database
from tests.factories import make_persona
from workers.providers.speech import cached_lines
from workers.providers.speech.cached_lines import CallLines, Line, LineStore

GREETING = "Hello, this is Anna. How can I help you?"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The versions whose lines housekeeping was asked to make."""
    versions: list[int] = []
    monkeypatch.setattr(speech_requests, "speak_lines", versions.append)
    cache.clear()
    yield versions
    cache.clear()


@pytest.fixture
def version(transactional_db: None, asked: list[int]) -> PersonaVersion:
    """A published version with all of its lines said."""
    live = make_persona(greeting=GREETING).live_version
    assert live is not None
    asked.clear()  # by publishing
    for text in fixed_texts(live):
        SpokenLine.objects.create(**voice_of(live), text=text, pcm=text.encode() * 2, words=[[text, 250]])
    return live


async def test_the_lines_of_a_version_are_found_with_their_words_in_seconds(
    version: PersonaVersion, asked: list[int]
) -> None:
    found = CallLines(LineStore(10_000))
    await found.load(version)

    assert found.get(GREETING) == Line(GREETING.encode() * 2, [(GREETING, 0.25)])
    assert found.get("Something else.") is None
    assert asked == []


async def test_a_line_is_in_memory_once_however_many_calls_say_it(version: PersonaVersion) -> None:
    store = LineStore(10_000)
    first, second = CallLines(store), CallLines(store)
    await first.load(version)
    await second.load(version)

    assert first.get(GREETING) is second.get(GREETING)
    known = list(store.all())
    rows = await in_database(cached_lines._read, version, known)
    assert [pcm for *_, pcm in rows] == [None] * len(known)


async def test_missing_lines_are_asked_for_but_not_by_every_call(version: PersonaVersion, asked: list[int]) -> None:
    await SpokenLine.objects.filter(text=GREETING).adelete()
    asking = asyncio.get_running_loop()
    for _ in range(3):
        found = CallLines(LineStore(10_000))
        await found.load(version)
        assert found.get(GREETING) is None
        assert found.get(version.goodbye) is not None
    await asking.shutdown_default_executor()

    assert asked == [version.pk]


async def test_a_database_that_fails_leaves_the_call_to_be_spoken_live(
    version: PersonaVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(cached_lines, "_read", away)
    found = CallLines()
    await found.load(version)

    assert found.get(GREETING) is None


async def test_a_database_that_hangs_does_not_delay_the_greeting_and_the_lines_are_asked_for(
    version: PersonaVersion, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(cached_lines, "_read", lambda *_: answers.wait(30) and [])
    monkeypatch.setattr(cached_lines, "LOAD_WITHIN_S", 0.01)
    found = CallLines()
    await found.load(version)
    answers.set()
    await asyncio.get_running_loop().shutdown_default_executor()

    assert found.get(GREETING) is None
    assert asked == [version.pk]


def test_the_lines_that_were_not_used_for_longest_go_when_memory_is_full() -> None:
    store = LineStore(100)
    for number in (1, 2, 1, 3):
        store.put(number, Line(bytes(40), []))

    assert list(store.all()) == [1, 3]
