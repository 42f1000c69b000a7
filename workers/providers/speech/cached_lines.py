"""Lines that a voice has said before: loaded while the agent joins, and played without asking the provider again."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.cache import cache
from django.db.models import BinaryField, Case, F, When
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection

from agents.models import PersonaVersion
from agents.voices import apologies, speech_requests
from agents.voices.fixed_lines import SAMPLE_RATE, fixed_texts, spoken
from common.database import in_database
from workers.providers.failover.tts import FailoverElevenLabs
from workers.providers.speech.word_times import WordTimes

log = structlog.get_logger(__name__)

CHUNK_BYTES = SAMPLE_RATE // 10 * 2  # 100 ms
STORE_BYTES = 32 * 1024 * 1024  # 17 minutes of speech
LOAD_WITHIN_S = 0.5  # joining takes about as long; a slower database must not delay the greeting
# A word counts as heard a moment after it began. Words and the start of the agent's turn take two queues of Pipecat's
# to the transcript: a line of one word, all of which is there at once, would otherwise overtake the start of its turn.
HEARD_AFTER_S = 0.05
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
    """Lines by the id of their row, each once a process. The least recently used go when `max_bytes` are exceeded.

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


class ElevenLabsWithLines(FailoverElevenLabs):
    """ElevenLabs, except for a TTSSpeakFrame whose text is one of the call's lines: that is played from memory.

    A line goes through the service's queue of audio contexts like all other speech: what came before it is heard before
    it, an interruption drops it, and its words are recorded at the time when they are heard. A sentence of the language
    model is never taken from memory, because it shares its audio context with the rest of the reply.
    """

    def __init__(self, lines: CallLines, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lines = lines
        self._line: Line | None = None  # of the frame that is being handled
        self._word_times = WordTimes()
        self._words_from_ns = 0
        self._line_contexts: set[str] = set()  # audio contexts that ElevenLabs has never heard of

    async def start_word_timestamps(self) -> None:
        """Note from when the words that follow are counted, as Pipecat does."""
        self._words_from_ns = max(self._word_timestamp_tracker.last_pts, self.get_clock().get_time())
        await super().start_word_timestamps()  # type: ignore[no-untyped-call]  # Pipecat's

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        self._word_times.arrived(frame, self._words_from_ns)
        await self._forward(frame, direction)

    async def _forward(self, frame: Frame, direction: FrameDirection) -> None:
        """Push a frame with the time at which it is heard."""
        self._word_times.leaves(frame, self.get_clock().get_time())
        await super().push_frame(frame, direction)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            self._word_times.forget()
        if not isinstance(frame, TTSSpeakFrame):
            await super().process_frame(frame, direction)
            return
        self._line = self._lines.in_any_voice(frame.text) if self.is_down else self._lines.get(frame.text)
        try:
            await super().process_frame(frame, direction)
        finally:
            self._line = None

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        if self._line is None:
            async for frame in super().run_tts(text, context_id):
                yield frame
            return
        self._line_contexts.add(context_id)
        await self.create_audio_context(context_id)
        await self.append_to_audio_context(context_id, TTSStartedFrame(context_id=context_id))
        for chunk in self._line.chunks():
            audio = TTSAudioRawFrame(chunk, SAMPLE_RATE, 1, context_id=context_id)
            await self.append_to_audio_context(context_id, audio)
        words = [(word, start_s + HEARD_AFTER_S) for word, start_s in self._line.words]
        await self.add_word_timestamps(words, context_id)
        yield None  # everything is in the queue, as after a request whose audio comes later

    async def on_turn_context_completed(self) -> None:
        context_id = self._turn_context_id
        if context_id is None or context_id not in self._line_contexts:
            await super().on_turn_context_completed()  # type: ignore[no-untyped-call]
            return
        await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
        await self.remove_audio_context(context_id)
        self._turn_context_id = None

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        if context_id not in self._line_contexts:
            await super().on_audio_context_interrupted(context_id)

    async def on_audio_context_completed(self, context_id: str) -> None:
        if context_id not in self._line_contexts:
            await super().on_audio_context_completed(context_id)
