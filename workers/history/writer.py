"""The threads of a process that write its calls' records to Postgres: in order, in batches, once."""

import atexit
import itertools
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, close_old_connections, connections
from psycopg.errors import LockNotAvailable

from calls.privacy import erasure
from common.database import borrowed_connection
from workers.history import entries, spool
from workers.history.backlog import Backlog
from workers.history.entries import Entry, Numbered, Outcome
from workers.history.spool import Item, Spool

log = structlog.get_logger(__name__)
RETRY_S = (0.1, 0.5, 2.0)  # pauses while the database is away; the last one repeats
BATCH = 200  # entries that are read at once
LOOK_AGAIN_S = 600.0  # for what processes left that died since
LAST_WRITES_S = 2.0  # what the end of the process waits for them; then they go to disk


class Writer:
    """Writes entries while the database is available, and keeps them while it is not.

    It also writes what dead processes left in the same directory; entries of living calls go first.
    """

    def __init__(self, backlog: Backlog | None = None) -> None:
        self._backlog = backlog or Backlog(Path(settings.SPOOL_DIR))
        self._lock = threading.Lock()
        self._runs = False
        self._last = 0  # the number of the last entry that came
        self._done = 0  # and of the last that is written, or never will be
        self._outcomes: dict[int, Callable[[Outcome], object]] = {}
        self._waiting: list[tuple[int, Callable[[], object]]] = []
        self._left: list[Spool] = []

    def start(self) -> None:
        """Start the threads, unless they run."""
        with self._lock:
            if self._runs:
                return
            self._runs = True
        for work, name in ((self._write_forever, "recorder"), (self._backlog.spill_forever, "recorder-spool")):
            threading.Thread(target=work, name=name, daemon=True).start()
        atexit.register(self._finish)

    def put(self, entry: Entry, outcome: Callable[[Outcome], object] | None = None) -> None:
        """Queue an entry; never blocks. `outcome` is called in the writer's thread, when it is known.

        It is not called for what the database refuses for good, nor for what another process writes after this one.
        """
        line = entry.as_line()
        with self._lock:
            self._last = self._backlog.put(entry.kind, line)
            if outcome is not None:
                self._outcomes[self._last] = outcome
        self.start()

    def when_done(self, call: Callable[[], object]) -> None:
        """Call `call`, in this thread or the writer's, once everything so far is written."""
        with self._lock:
            if self._done < self._last:
                self._waiting.append((self._last, call))
                return
        call()

    def spooled(self) -> int:
        """How many entries wait on disk: of this process, and those of dead ones that it has taken over."""
        return self._backlog.spooled() + sum(left.count() for left in list(self._left))

    def _write_forever(self) -> None:
        left = self._left
        look_at = 0.0
        while True:
            try:
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_AGAIN_S  # before: an error must not keep calls unwritten
                    left += _leftovers(self._backlog.directory)
                batch = self._backlog.first(BATCH, wait=not left, timeout_s=LOOK_AGAIN_S)
                if batch:
                    outcomes = _write(batch)
                    self._backlog.remove(batch[-1].number)
                    self._tell(batch[-1].number, outcomes)
                elif left and _write_leftover(left[0]):
                    left.pop(0)
            except Exception:
                log.exception("recorder_failed")
                time.sleep(RETRY_S[-1])
            connections.close_all()  # back to the pool, until there is something to write again

    def _tell(self, done: int, outcomes: dict[int, Outcome]) -> None:
        with self._lock:
            self._done = done
            asked = {number: self._outcomes.pop(number) for number in list(self._outcomes) if number <= done}
            reached = [call for number, call in self._waiting if number <= done]
            self._waiting = [(number, call) for number, call in self._waiting if number > done]
        told: list[Callable[[], object]] = [
            partial(tell, outcomes[number]) for number, tell in asked.items() if number in outcomes
        ]
        for call in [*told, *reached]:
            try:
                call()
            except Exception:  # one that fails must not keep the others from being notified
                log.exception("outcome_not_reported")

    def _finish(self) -> None:
        """At the end of the process: what is not written soon is left on disk for the next one."""
        done = threading.Event()
        self.when_done(done.set)
        if not done.wait(LAST_WRITES_S):
            self._backlog.spill()


def _leftovers(directory: Path) -> list[Spool]:
    """What dead processes left. What cannot be read, and so is never written, is deleted after its calls' retention."""
    try:
        with borrowed_connection():  # given back now: the next entry may be long in coming
            kept = erasure.shortest_time()
        if kept is not None:
            spool.delete_unreadable(directory, older_than=kept)
    except (DatabaseError, InterfaceError) as error:
        log.warning("database_away", error=type(error).__name__)
    except OSError:
        pass  # said below
    try:
        return spool.leftovers(directory)
    except (OSError, sqlite3.Error) as error:
        log.error("spool_not_available", directory=str(directory), error=str(error))
        return []


def _write_leftover(left: Spool) -> bool:
    """Write some of what a dead process left. True when it is used up, or cannot be read."""
    try:
        items = left.first(BATCH)
        if items:
            _write(items)
            return left.remove(items[-1].number)
        left.delete()
    except sqlite3.Error as error:
        log.error("spool_unreadable", path=str(left.path), error=str(error))
        left.close()
    return True


def _write(items: list[Item]) -> dict[int, Outcome]:
    """Write all that can be written, however long it takes. Returns the outcomes by number."""
    outcomes: dict[int, Outcome] = {}
    numbered = []
    for item in items:
        try:
            numbered.append((item.number, Entry.from_line(item.line)))
        except (ValueError, TypeError):
            log.error("entry_refused", kind=item.kind, error="not readable")
    for batch in entries.batches(numbered):
        _until_written(batch, outcomes)
    return outcomes


def _until_written(batch: list[Numbered], outcomes: dict[int, Outcome]) -> None:
    first = batch[0][1]
    for pause in itertools.chain(RETRY_S, itertools.repeat(RETRY_S[-1])):
        try:
            close_old_connections()
            written = entries.write(batch)
        except Exception as error:
            if not _may_be_mended(error):
                _write_singly(batch, outcomes, error)
                return
            log.warning("database_away", call_id=first.call_id, error=type(error).__name__)
            time.sleep(pause)
        else:
            for (number, entry), *_ in entries.by_call(batch):
                if written[number] is Outcome.MOVED_ON:
                    reason = "moved on, or erased"
                    log.warning("not_written", call_id=entry.call_id, attempt=entry.attempt, reason=reason)
            outcomes.update(written)
            return


def _may_be_mended(error: Exception) -> bool:
    """Whether the same write can succeed later: the database is at fault, not the entry, nor another transaction."""
    if isinstance(error.__cause__, LockNotAvailable):
        return False  # of several calls; one by one, they can wait
    return isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, DataError | IntegrityError)


def _write_singly(batch: list[Numbered], outcomes: dict[int, Outcome], error: Exception) -> None:
    """Skip the one entry that the database refuses for good, and write the rest: call by call, then one by one."""
    if len(batch) > 1:
        calls = entries.by_call(batch)
        for part in calls if len(calls) > 1 else [[numbered] for numbered in batch]:
            _until_written(part, outcomes)
        return
    entry = batch[0][1]
    # Neither the message nor the traceback: the database quotes the values that it refuses.
    state = getattr(error.__cause__, "sqlstate", None)
    log.error("entry_refused", call_id=entry.call_id, kind=entry.kind, error=type(error).__name__, sqlstate=state)
