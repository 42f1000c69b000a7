"""A cached value that is refreshed at most every so often."""

import threading
import time
from collections.abc import Callable


class CachedValue[T]:
    """Calling it returns what `look` said, asked again when that is older than `seconds`.

    One thread asks at a time, and the others wait for its answer. Raises what `look` raises, and then keeps nothing.
    """

    def __init__(self, look: Callable[[], T], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, T] | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._kept is None or self._clock() - self._kept[0] >= self._seconds:
                self._kept = None
                value = self._look()
                self._kept = (self._clock(), value)
            return self._kept[1]

    def forget(self) -> None:
        """Ask again the next time."""
        with self._lock:
            self._kept = None
