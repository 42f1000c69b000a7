"""Only one program at a time starts or stops the processes of an installation."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.local.instance import make_enterable


@contextmanager
def alone(state_dir: Path, within_s: float = 0.0) -> Iterator[None]:
    """Hold the lock meanwhile. Raises BlockingIOError when another program still holds it after `within_s`."""
    make_enterable(state_dir)
    with (state_dir / "scale.lock").open("w") as lock:
        deadline = time.monotonic() + within_s
        while not _locked(lock.fileno(), at_last=time.monotonic() >= deadline):
            time.sleep(0.05)
        yield


def _locked(file: int, *, at_last: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if at_last:
            raise
        return False
    return True
