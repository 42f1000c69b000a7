"""Lines that a voice has said before: loaded while the agent joins, and played without asking the provider again."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.cache import cache
from django.db.models import BinaryField, Case, F, When

from agents.models import PersonaVersion
from agents.voices import apologies, speech_requests
from agents.voices.fixed_lines import SAMPLE_RATE, fixed_texts, spoken
from common.database import in_database

log = structlog.get_logger(__name__)

CHUNK_BYTES = SAMPLE_RATE // 10 * 2  # 100 ms
STORE_BYTES = 32 * 1024 * 1024  # 17 minutes of speech
LOAD_WITHIN_S = 0.5  # joining takes about as long; a slower database must not delay the greeting
ASK_EVERY_S = 60  # a process asks this often for the lines that a version lacks, however many calls it has


@dataclass(frozen=True, slots=True)
class Line:
    """16 kHz mono 16-bit PCM, and each word with its start in seconds."""

    pcm: bytes
    words: list[tuple[str, float]]

    def chunks(self) -> list[bytes]:
        """The speech in pieces of 100 ms, the last one shorter."""
        return [self.pcm[start : start + CHUNK_BYTES] for start in range(0, len(self.pcm), CHUNK_BYTES)]


class LineStore:
    """Lines by the id of their row, each once per process. The least recently used go when `max_bytes` are exceeded.

    For the call loop only: it has no lock.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lines: OrderedDict[int, Line] = OrderedDict()

    def all(self) -> dict[int, Line]:
        """What is stored now."""
        return dict(self._lines)

    def put(self, line_id: int, line: Line) -> None:
        """Store a line, or note that it was used."""
        if line_id not in self._lines:
            self._lines[line_id] = line
            self._bytes += len(line.pcm)
        self._lines.move_to_end(line_id)
        while self._bytes > self._max_bytes:
            _, oldest = self._lines.popitem(last=False)
            self._bytes -= len(oldest.pcm)


_store = LineStore(STORE_BYTES)


class CallLines:
    """The lines of one call by their text; none before `load`."""

    def __init__(self, store: LineStore = _store) -> None:
        self._store = store
        self._lines: dict[str, Line] = {}

    def get(self, text: str) -> Line | None:
        """The line with exactly this text, if the call's voice has said it before."""
        return self._lines.get(text)

    def in_any_voice(self, text: str) -> Line | None:
        """The same, or an apology in the voice that comes with the program."""
        pcm = apologies.SPEECH.get(text)
        return self.get(text) or (Line(pcm, apologies.timed(text, pcm)) if pcm else None)

    async def load(self, version: PersonaVersion) -> None:
        """Find the version's lines, and ask housekeeping to make those that are missing.

        Takes half a second at most and never fails: without its lines a call is spoken live. Those that were not loaded
        in time are asked for, too: nobody knows whether they are missing, and to make none costs little.
        """
        try:
            async with asyncio.timeout(LOAD_WITHIN_S):
                known = self._store.all()
                rows = await in_database(_read, version, list(known))
        except Exception as error:
            log.warning("lines_not_loaded", error=type(error).__name__)
            rows = []
        for line_id, text, words, pcm in rows:
            line = known.get(line_id) or Line(bytes(pcm), [(word, start_ms / 1000) for word, start_ms in words])
            self._store.put(line_id, line)
            self._lines[text] = line
        if not self._lines.keys() >= set(fixed_texts(version)):
            asyncio.get_running_loop().run_in_executor(None, _ask, version.pk)


def _read(version: PersonaVersion, known: list[int]) -> list[tuple[Any, ...]]:
    """Id, text, words and speech of the version's lines; None for the speech of a line whose id is known."""
    pcm = Case(When(pk__in=known, then=None), default=F("pcm"), output_field=BinaryField())
    return list(spoken(version, fixed_texts(version)).values_list("pk", "text", "words", pcm))


def _ask(version_id: int) -> None:
    if cache.add(f"workers.providers.speech.cached_lines.asked.{version_id}", True, ASK_EVERY_S):
        speech_requests.speak_lines(version_id)
