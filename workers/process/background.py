"""What a call does alongside its pipeline: tasks that end with it, and functions that are called later."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Background:
    """The tasks of one call. They are held here, because the event loop holds none."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run the coroutine until it ends, or the call does. An error is logged with the id of the call."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._over)  # which runs in the context of whoever spawns: the call's

    def later[**P](self, seconds: float, call: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
        """Await `call(*args, **kwargs)` after so many seconds, unless the call has ended by then."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await call(*args, **kwargs)

        self.spawn(wait())

    def cancel(self) -> None:
        """The call is over."""
        for task in self._tasks:
            task.cancel()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("background_task_failed", exc_info=error)
