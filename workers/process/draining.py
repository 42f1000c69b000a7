"""What a stopping process does with the calls that it still holds: it waits, and then hands them over."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)


class Draining:
    """The calls that can be handed over, and the deadline of a process that is stopping."""

    def __init__(self) -> None:
        self._offers: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self.has_begun = False
        self._is_over = False

    @contextmanager
    def offering(self, give_back: Callable[[], None]) -> Iterator[None]:
        """Meanwhile `give_back` is called, in another thread, when the deadline has come; at once if it is past."""
        with self._lock:
            self._offers.add(give_back)
            is_over = self._is_over
        if is_over:
            give_back()
        try:
            yield
        finally:
            with self._lock:
                self._offers.discard(give_back)

    def begin(self, seconds: float) -> None:
        """Wait for so long before every call that is still held is handed over. Called in a signal handler."""
        self.has_begun = True
        timer = threading.Timer(seconds, self._hand_over_all)
        timer.daemon = True
        timer.start()

    def _hand_over_all(self) -> None:
        with self._lock:
            self._is_over = True
            offers = list(self._offers)
        log.warning("calls_handed_over", count=len(offers))
        for give_back in offers:
            try:
                give_back()
            except Exception:  # one that fails must not keep the others
                log.exception("call_not_offered")


draining = Draining()
