"""What a call does beside its pipeline: tasks that end with it, and functions that are called later."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


class Background:
    """The tasks of one call. They are held here, because the event loop holds none."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run the coroutine until it ends, or the call does."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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
