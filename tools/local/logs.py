"""Logs of the native processes: for their owner alone, continued after a restart, and never larger than LARGEST."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO

LARGEST = 20_000_000  # bytes; with those set aside a process has five times as much, as in compose.yaml
KEPT = 4
PRIVATE = 0o077
"""The umask of whatever is started natively: logs and recordings tell of callers, and other users need none of it."""


def open_log(path: Path) -> IO[bytes]:
    """The log to append to, unbuffered. Makes its directory, and sets a log aside that has become too large."""
    make_log_dir(path.parent)
    rotate([path])
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(handle, 0o600)
    return os.fdopen(handle, "ab", buffering=0)


def make_log_dir(directory: Path) -> None:
    """Make the directory, or close it to others where an earlier version left it open."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)


def rotate(paths: Iterable[Path]) -> None:
    """Set aside each log that has become too large. Its process goes on writing: what it appends begins it anew."""
    for path in paths:
        if path.exists() and path.stat().st_size > LARGEST:
            set_aside(path)


def set_aside(path: Path) -> None:
    """Make `web.log` into `web.log.1`, that into `web.log.2` and so on; the oldest goes."""
    for number in range(KEPT - 1, 0, -1):
        older = numbered(path, number)
        if older.exists():
            older.replace(numbered(path, number + 1))
    shutil.copy(path, numbered(path, 1))  # with its mode
    os.truncate(path, 0)  # not renamed, because a running process holds it open


def numbered(path: Path, number: int) -> Path:
    """Where a log is kept that was set aside."""
    return path.with_name(f"{path.name}.{number}")
