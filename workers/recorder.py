"""Writes what happens in a call to Postgres, off the call loop: in order, in batches, once.

Calls put entries into a queue in memory; one writer thread a process drains it. A database that is away delays the
entries, not the conversation.
"""

import asyncio
import itertools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from calls import services
from calls.models import Call, CallEvent, Turn
from calls.models.history import Speaker
from calls.states import EndReason, Status
from workers.latency import ReplyLatency

log = structlog.get_logger(__name__)
RETRY_S = (0.1, 0.5, 2.0)  # pauses while the database is away; the last one repeats


@dataclass(frozen=True, slots=True)
class _Entry:
    """One thing to write: a row of history, or a change of state, or a mark that says how far the writer is."""

    call: Call
    row: Turn | CallEvent | None = None
    change: Callable[[], bool] | None = None
    reached: Callable[[], object] | None = None


class Writer:
    """The writer thread of a process."""

    def __init__(self) -> None:
        self._entries: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, entry: _Entry) -> None:
        """Queue an entry; never blocks."""
        self._entries.put(entry)
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_forever, name="recorder", daemon=True)
                self._thread.start()

    def _write_forever(self) -> None:
        while True:
            batch = [self._entries.get()]
            while not self._entries.empty():
                batch.append(self._entries.get())
            for _, entries in itertools.groupby(batch, key=lambda entry: (entry.call.pk, entry.row is not None)):
                self._write(list(entries))
            connections.close_all()  # back to the pool, until there is something to write again

    def _write(self, entries: list[_Entry]) -> None:
        rows = [entry.row for entry in entries if entry.row is not None]
        if rows:
            call = entries[0].call
            turns = [row for row in rows if isinstance(row, Turn)]
            events = [row for row in rows if isinstance(row, CallEvent)]
            _until_written(call, lambda: services.write_history(call.pk, call.attempt, turns, events))
        for entry in entries:
            if entry.change is not None:
                _until_written(entry.call, entry.change)
            if entry.reached is not None:
                entry.reached()


def _until_written(call: Call, write: Callable[[], bool]) -> None:
    for pause in itertools.chain(RETRY_S, itertools.repeat(RETRY_S[-1])):
        try:
            close_old_connections()
            if not write():
                log.warning("not_written", call_id=str(call.pk), attempt=call.attempt, reason="the call moved on")
            return
        except (OperationalError, InterfaceError) as error:
            log.warning("database_away", call_id=str(call.pk), error=type(error).__name__)
            time.sleep(pause)
        except Exception:
            log.exception("not_written", call_id=str(call.pk))
            return


_writer = Writer()


class CallRecorder:
    """What one call writes. All methods but `flush` return at once."""

    def __init__(self, call: Call, writer: Writer = _writer) -> None:
        self._call = call
        self._writer = writer
        self._numbers = itertools.count(1)

    def answered(self) -> None:
        """The conversation begins now."""
        at = timezone.now()
        self._change(lambda: services.answer_call(self._call.pk, self._call.attempt, at))

    def ended(self, status: Status, reason: EndReason, detail: str) -> None:
        """The call is over, for this reason."""
        at = timezone.now()
        self._change(
            lambda: services.end_call(self._call.pk, status, reason, attempt=self._call.attempt, detail=detail, at=at)
        )

    def turn(
        self,
        speaker: Speaker,
        text: str,
        started_at: datetime,
        ended_at: datetime,
        *,
        interrupted: bool = False,
        latency: ReplyLatency | None = None,
    ) -> None:
        """One utterance: what was heard of the caller, or what the caller heard of the agent."""
        row = Turn(
            call_id=self._call.pk,
            number=next(self._numbers),
            speaker=speaker,
            text=text,
            started_at=started_at,
            ended_at=max(started_at, ended_at),
            interrupted=interrupted,
            **(latency.as_fields() if latency else {}),
        )
        self._writer.put(_Entry(self._call, row=row))

    def event(self, kind: str, **detail: Any) -> None:
        """Something worth knowing afterwards. `detail` is JSON, without what was said."""
        row = CallEvent(call_id=self._call.pk, kind=kind, at=timezone.now(), attempt=self._call.attempt, detail=detail)
        self._writer.put(_Entry(self._call, row=row))

    async def flush(self, timeout_s: float) -> bool:
        """Wait until everything so far is written. False when that takes longer than `timeout_s` seconds."""
        loop = asyncio.get_running_loop()
        reached = asyncio.Event()
        self._writer.put(_Entry(self._call, reached=lambda: loop.call_soon_threadsafe(reached.set)))
        try:
            async with asyncio.timeout(timeout_s):
                await reached.wait()
        except TimeoutError:
            return False
        return True

    def _change(self, change: Callable[[], bool]) -> None:
        self._writer.put(_Entry(self._call, change=change))
