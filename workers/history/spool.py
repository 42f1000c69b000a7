"""What cannot be written to Postgres now, kept on disk: one SQLite file per process.

The process holds the file's lock for as long as it lives, however it ends, so that the next one finds what a dead one
left, and writes it. A file exists only while it has unwritten entries. It contains transcripts: only its owner may read
it.
"""

import fcntl
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

SPOOL_MAX_BYTES = 64 * 1024 * 1024  # a process; about 200,000 entries
PAGE_BYTES = 4096
SUFFIX = ".sqlite3"
# What goes first when there is no room: the oldest events, then the oldest turns. Changes of state stay.
THIN = """
    DELETE FROM entry WHERE number IN (
        SELECT number FROM entry WHERE kind IN ('event', 'turn') ORDER BY kind = 'turn', number
        LIMIT (SELECT 1 + count(*) / 8 FROM entry)
    ) RETURNING kind
"""


class Item(NamedTuple):
    """An entry that waits. Numbers rise in the order in which things happened; `line` is the entry in JSON."""

    number: int
    kind: str
    line: str


class Spool:
    """A queue on disk. Raises sqlite3.Error when the disk does not do its part."""

    def __init__(self, path: Path, max_bytes: int = SPOOL_MAX_BYTES) -> None:
        """Open or create the file. Raises sqlite3.OperationalError while another process has it."""
        self.path = path
        self._database = sqlite3.connect(path, timeout=0, check_same_thread=False)
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")  # from the next statement until it is closed
            self._database.execute("PRAGMA secure_delete = ON")  # what is written is overwritten here
            self._database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            with self._database:
                self._database.execute("BEGIN EXCLUSIVE")
                self._database.execute(
                    "CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, kind TEXT, line TEXT)"
                )
            self._database.execute(f"PRAGMA max_page_count = {max_bytes // PAGE_BYTES}")
        except sqlite3.Error:
            self._database.close()
            raise

    def count(self) -> int:
        """How many items wait in the file; none in one that is closed or cannot be read. For any thread."""
        with suppress(sqlite3.Error):
            return int(self._database.execute("SELECT count(*) FROM entry").fetchone()[0])
        return 0

    def append(self, items: Iterable[Item]) -> None:
        """Put the items on disk, all or none, and wait until they are there. Makes room when the file is full."""
        rows = list(items)
        while True:
            try:
                with self._database:
                    self._database.executemany("INSERT OR IGNORE INTO entry VALUES (?, ?, ?)", rows)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self._thin():
                    raise

    def _thin(self) -> bool:
        with self._database:
            dropped = [kind for (kind,) in self._database.execute(THIN).fetchall()]
        if dropped:
            log_dropped(dropped, str(self.path))
        return bool(dropped)

    def first(self, limit: int) -> list[Item]:
        """The oldest items, at most `limit`. They stay until they are removed."""
        return [Item(*row) for row in self._database.execute("SELECT * FROM entry ORDER BY number LIMIT ?", [limit])]

    def remove(self, through: int) -> bool:
        """Forget the items up to this number. True when none is left: the file is gone then."""
        with self._database:
            self._database.execute("DELETE FROM entry WHERE number <= ?", [through])
        if self.first(1):
            return False
        self.delete()
        return True

    def delete(self) -> None:
        """Close the file and delete it."""
        self.path.unlink(missing_ok=True)  # before the lock goes, so that nobody takes it for a dead process's
        self.close()

    def close(self) -> None:
        """Let go of the file, which another process may then take."""
        self._database.close()


def create(directory: Path, max_bytes: int = SPOOL_MAX_BYTES) -> Spool:
    """Create this process's spool. Raises OSError or sqlite3.Error when the directory does not allow it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone_in(directory):
        path = directory / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        path.touch(mode=0o600)
        try:
            return Spool(path, max_bytes)
        except sqlite3.Error:
            path.unlink(missing_ok=True)
            raise


def leftovers(directory: Path) -> list[Spool]:
    """The spools of dead processes. They belong to this process from now on. Raises OSError for a bad directory."""
    if not directory.exists():
        return []
    found = []
    with _alone_in(directory):
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            try:
                found.append(Spool(path))
            except sqlite3.OperationalError:
                continue  # its process lives
            except sqlite3.DatabaseError as error:
                log.error("spool_unreadable", path=str(path), error=str(error))
    return found


def delete_unreadable(directory: Path, older_than: timedelta) -> None:
    """Delete the spools that nobody can read and that were written longer ago. Raises OSError for a bad directory."""
    if not directory.exists():
        return
    with _alone_in(directory):
        for path in directory.glob(f"*{SUFFIX}"):
            try:
                Spool(path).close()
            except sqlite3.OperationalError:
                continue  # its process lives
            except sqlite3.DatabaseError:
                if time.time() - path.stat().st_mtime > older_than.total_seconds():
                    path.unlink()
                    log.error("spool_deleted", path=str(path), reason="unreadable, and older than calls are kept")


def log_dropped(kinds: list[str], where: str) -> None:
    """Log as an error that part of a call is lost."""
    log.error("spool_full", dropped_events=kinds.count("event"), dropped_turns=kinds.count("turn"), where=where)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """No process looks for leftovers between creating a file and locking it."""
    folder = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
