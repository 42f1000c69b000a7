"""One look at the live calls a second, for all who watch in this process, and none while nobody does."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

import structlog

from common.database import in_database
from desk.board.live_calls import Board, read_board

log = structlog.get_logger(__name__)

EVERY_S: Final = 1.0


class Feed:
    """Reads for as long as somebody follows."""

    def __init__(self, read: Callable[[], Board], every_s: float = EVERY_S) -> None:
        self._read = read
        self._every_s = every_s
        self.reading: asyncio.Task[None] | None = None
        self._next: asyncio.Future[Board | None] | None = None
        self.followers = 0

    async def follow(self) -> AsyncGenerator[Board | None]:
        """The live calls, anew each second; None while the database does not answer. Ends when the caller stops."""
        self.followers += 1
        try:
            while True:
                if self.reading is None or self.reading.done():
                    self.reading = asyncio.create_task(self._read_on())
                if self._next is None:
                    self._next = asyncio.get_running_loop().create_future()
                yield await asyncio.shield(self._next)
        finally:
            self.followers -= 1

    async def _read_on(self) -> None:
        while self.followers:
            board = await self._look()
            told, self._next = self._next, None
            if told is not None:
                told.set_result(board)
            await asyncio.sleep(self._every_s)

    async def _look(self) -> Board | None:
        try:
            return await in_database(self._read)
        except Exception:  # whatever it is, those who watch are told, and the next look may succeed
            log.warning("desk_not_read", exc_info=True)
            return None


feed = Feed(read_board)
