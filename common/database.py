"""Connections for threads outside requests and tasks: taken from the process's pool, and given back."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, close_old_connections, connections

RETRY_S = 0.5


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


async def in_database_within[T](seconds: float, function: Callable[[], T]) -> T:
    """As `in_database`, tried again while the database is unavailable. Raises its last error when the time is over.

    The function must bear to run twice: what was committed before the connection was lost is not known.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await in_database(function)
        except (DatabaseError, InterfaceError):
            if time.monotonic() + RETRY_S > deadline:
                raise
        await asyncio.sleep(RETRY_S)
