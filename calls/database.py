"""Connections for threads that are no request and no task: taken from the process's pool, and given back."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import close_old_connections, connections


@contextmanager
def borrowed_connection() -> Iterator[None]:
    """Give this thread's connection back to the pool afterwards: the thread may never use it again."""
    close_old_connections()
    try:
        yield
    finally:
        connections.close_all()


async def in_database[**P, T](function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that uses the database in a thread, so that it cannot stop the audio of other calls."""

    def call() -> T:
        with borrowed_connection():
            return function(*args, **kwargs)

    return await asyncio.to_thread(call)
