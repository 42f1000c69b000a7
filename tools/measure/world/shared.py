"""What all contenders share: one LiveKit server and one simulator of the providers, for one benchmark at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from tools.errors import ToolError
from tools.local import ROOT
from tools.measure.world import World, opened

BENCH_DIR = ROOT / ".local/bench"


@contextmanager
def shared_world(*, media: bool = True) -> Iterator[World]:
    """Start LiveKit and the simulator (without `media`, LiveKit alone); stop and delete everything at the end.

    Raises ToolError when another benchmark runs in this checkout.
    """
    BENCH_DIR.mkdir(parents=True, exist_ok=True)
    with (BENCH_DIR / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ToolError("another benchmark is running in this checkout: wait until it has finished") from error
        # Durable, as in production: what a commit costs is part of the cost of a call.
        with opened(BENCH_DIR, media=media, durable=True) as world:
            yield world
