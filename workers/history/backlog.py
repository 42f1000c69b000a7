"""What a process has not written to Postgres yet: the newest in memory, and on disk what waits longer."""

import itertools
import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import structlog

from workers.history import spool
from workers.history.spool import Item, Spool

log = structlog.get_logger(__name__)

MEMORY_MAX_BYTES = 1024 * 1024  # then it goes to disk at once; about 3,000 entries
SPILL_AFTER_S = 2.0  # what has waited as long goes to disk: a process that is killed then loses no more than that


class Backlog:
    """A queue in order, for one reader. What is on disk is older than what is in memory."""

    def __init__(
        self,
        directory: Path,
        memory_max_bytes: int = MEMORY_MAX_BYTES,
        disk_max_bytes: int = spool.SPOOL_MAX_BYTES,
        spill_after_s: float = SPILL_AFTER_S,
    ) -> None:
        self.directory = directory
        self._memory_max_bytes = memory_max_bytes
        self._disk_max_bytes = disk_max_bytes
        self._spill_after_s = spill_after_s
        self._numbers = itertools.count(1)
        self._memory: deque[Item] = deque()
        self._memory_bytes = 0
        self._spool: Spool | None = None
        self._changed = threading.Condition()  # guards what is in memory
        self._moving = threading.Lock()  # held by whoever takes from memory or touches the disk; taken first

    def put(self, kind: str, line: str) -> int:
        """Append an entry and return its number, from 1. Never waits for a disk."""
        with self._changed:
            item = Item(next(self._numbers), kind, line)
            self._memory.append(item)
            self._memory_bytes += len(line)
            self._changed.notify_all()
            return item.number

    def first(self, limit: int, *, wait: bool, timeout_s: float | None = None) -> list[Item]:
        """The oldest entries, at most `limit`. They stay until they are removed.

        With `wait`, at least one, or none after `timeout_s` seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._memory or self._spool or not wait, timeout_s)
        with self._moving:
            if self._spool is not None:
                try:
                    return self._spool.first(limit)
                except sqlite3.Error as error:
                    self._leave_spool(error)
            with self._changed:
                return list(itertools.islice(self._memory, limit))

    def remove(self, through: int) -> None:
        """Forget the entries up to this number: they are written, or will never be."""
        with self._moving:
            if self._spool is not None:
                try:
                    if self._spool.remove(through):
                        self._spool = None
                except sqlite3.Error as error:
                    self._leave_spool(error)
            with self._changed:
                while self._memory and self._memory[0].number <= through:
                    self._forget_first()

    def spooled(self) -> int:
        """How many entries wait on disk. For any thread; waits while one is written."""
        with self._moving:
            return self._spool.count() if self._spool is not None else 0

    def spill(self) -> bool:
        """Move everything to disk. False if the disk does not take it: then memory keeps as much as it may hold."""
        with self._moving:
            with self._changed:
                items = list(self._memory)
            if not items:
                return True
            try:
                self._spool = self._spool or spool.create(self.directory, self._disk_max_bytes)
                self._spool.append(items)
            except (OSError, sqlite3.Error) as error:
                log.error("spool_not_available", directory=str(self.directory), error=str(error))
                self._drop_empty_spool()
                self._keep_within_bounds()
                return False
            with self._changed:
                for _ in items:
                    self._forget_first()
            log.warning("spooled", entries=len(items), path=str(self._spool.path))
            return True

    def spill_forever(self) -> None:
        """Move to disk what waits too long or exceeds the limit. The body of a thread."""
        while True:
            try:
                if self._is_stuck() and not self.spill():
                    time.sleep(self._spill_after_s)
            except Exception:
                log.exception("spooling_failed")
                time.sleep(self._spill_after_s)

    def _is_stuck(self) -> bool:
        """Wait for an entry. True when it is not written in time, or there are too many."""
        with self._changed:
            self._changed.wait_for(lambda: self._memory)
            oldest = self._memory[0].number

            def is_written() -> bool:
                return not self._memory or self._memory[0].number > oldest

            self._changed.wait_for(lambda: is_written() or self._is_too_much(), self._spill_after_s)
            return not is_written() or self._is_too_much()

    def _is_too_much(self) -> bool:
        return self._memory_bytes > self._memory_max_bytes

    def _forget_first(self) -> None:
        self._memory_bytes -= len(self._memory.popleft().line)
        self._changed.notify_all()

    def _keep_within_bounds(self) -> None:
        """Drop what a full spool drops: the oldest events, then the oldest turns."""
        with self._changed:
            droppable = [item for item in self._memory if item.kind in ("event", "turn")]
            droppable.sort(key=lambda item: (item.kind == "turn", item.number))
            dropped = set()
            for item in droppable:
                if not self._is_too_much():
                    break
                dropped.add(item)
                self._memory_bytes -= len(item.line)
            if dropped:
                self._memory = deque(item for item in self._memory if item not in dropped)
                spool.log_dropped([item.kind for item in dropped], "memory")

    def _drop_empty_spool(self) -> None:
        """A disk that is full took the file and nothing in it: reading continues with what is in memory."""
        if self._spool is not None:
            with suppress(OSError, sqlite3.Error):
                if not self._spool.first(1):
                    self._spool.delete()
                    self._spool = None

    def _leave_spool(self, error: sqlite3.Error) -> None:
        """Continue without a file that cannot be read. It stays where it is: the next process tries again."""
        if self._spool is not None:
            log.error("spool_unreadable", path=str(self._spool.path), error=str(error))
            self._spool.close()
            self._spool = None
