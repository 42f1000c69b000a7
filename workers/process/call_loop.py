"""The one event loop of a worker process. Every call of the process is a coroutine on it.

A slot is a thread of Celery's pool that waits for its call's coroutine. With stock Pipecat and six calls at once, one
loop for all took 0.12 of a core per call, and one loop per call 0.15 (docs/ARCHITECTURE.md).
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import uvloop


class CallLoop:
    """A uvloop in a thread of its own, started at first use."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered = threading.Event()
        self._answered.set()

    def run[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the loop and wait, in the calling thread, for its result or exception."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running()).result()

    def is_turning(self) -> bool:
        """Whether the loop has come round since this was asked last; also true while it has yet to be needed."""
        turned = self._answered.is_set()
        if turned and self._loop is not None:
            self._answered.clear()
            self._loop.call_soon_threadsafe(self._answered.set)
        return turned

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = uvloop.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="call-loop", daemon=True).start()
            return self._loop


call_loop = CallLoop()
