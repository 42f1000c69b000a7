"""Reports the progress of a run."""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Protocol

from tools.chaos.calls.placing import Placed
from tools.chaos.evidence.records import Caused

EVERY_S = 5.0


class Size(Protocol):
    """How many calls a run has."""

    @property
    def calls(self) -> int: ...


class Progress:
    """A line every five seconds: over itself on a terminal, one below the other elsewhere."""

    def __init__(self, size: Size, placed: Sequence[Placed], caused: Sequence[Caused]) -> None:
        self._size = size
        self._placed = placed
        self._caused = caused
        self._began = time.monotonic()

    async def tell(self) -> None:
        """Tell until cancelled."""
        begin, end = ("\r", "\033[K") if sys.stdout.isatty() else ("", "\n")
        while True:
            print(f"{begin}{self.line()}{end}", end="", flush=True)
            await asyncio.sleep(EVERY_S)

    def line(self) -> str:
        """Where the run is now."""
        over = sum(placed.ended_at is not None for placed in self._placed)
        now = [caused.fault for caused in self._caused if caused.ended_at is None]
        faults = f"{len(self._caused)} faults" + (f", now: {', '.join(now)}" if now else "")
        return (
            f"{time.monotonic() - self._began:4.0f} s  {over} of {self._size.calls} calls over, "
            f"{len(self._placed) - over} live, {faults}"
        )
