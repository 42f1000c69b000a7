"""Reports the progress of a test."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from tools.loadtest.calls import CallResult
from tools.measure.arithmetic import percentile
from tools.measure.text_tables import number

EVERY_S = 5.0


class Progress:
    """A line every five seconds: over itself on a terminal, one below the other elsewhere."""

    def __init__(self, live: Callable[[], int]) -> None:
        """`live` returns how many calls are up now."""
        self._live = live
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)
        self.results: list[CallResult] = []
        """The calls that are over."""

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        print(f"{_begin()}{self.line()}\033[K" if sys.stdout.isatty() else self.line(), flush=True)

    def line(self) -> str:
        """Where the test is now."""
        over = list(self.results)
        failed = sum(not result.success for result in over)
        replies = [ms for result in over for _, ms in result.replies]
        pickups = [result.pickup_ms for result in over if result.pickup_ms is not None]
        webhooks = [ms for result in over for ms in result.webhooks_ms]
        parts = [f"{time.monotonic() - self._began:4.0f} s  {self._live()} live, {len(over)} over, {failed} failed"]
        if replies:
            parts.append(f"reply {_spread(replies)} ms")
        if pickups:
            parts.append(f"pickup {_spread(pickups)} ms")
        if webhooks:
            parts.append(f"webhook {_spread(webhooks)} ms")
        return ", ".join(parts)

    def _tell(self) -> None:
        while not self._over.wait(EVERY_S):
            end = "\033[K" if sys.stdout.isatty() else "\n"
            print(f"{_begin()}{self.line()}{end}", end="", flush=True)


def _begin() -> str:
    return "\r" if sys.stdout.isatty() else ""


def _spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    return f"{number(percentile(values, 50))} / {number(percentile(values, 95))}"
