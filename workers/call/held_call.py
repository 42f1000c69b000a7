"""A call that this process holds, and how it is told to hand it over."""

import asyncio
from datetime import timedelta

from calls.lifecycle import elapsed
from calls.lifecycle.leases import LEASE
from calls.models import Call, Turn
from common.database import in_database_within
from workers.conversation.progress import Leaving
from workers.history.recorder import CallRecorder


class HeldCall:
    """A claimed call. `lose` and `give_back` may be called from any thread; the first of them counts."""

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.recorder = CallRecorder(call)
        self.past: list[Turn] = []
        self.talked = timedelta(0)  # under earlier attempts, and while it waited
        self.leaving: asyncio.Future[Leaving] = loop.create_future()
        self._loop = loop

    async def load_past(self) -> None:
        """Read what was said under earlier attempts, and have the recorder continue counting from there.

        Raises DatabaseError or InterfaceError when the database is unavailable for as long as the lease lasts.
        """
        if self.call.attempt > 1:
            self.past, self.talked = await in_database_within(LEASE.total_seconds(), self._read_past)
            self.recorder = CallRecorder(self.call, turns_before=self.past[-1].number if self.past else 0)

    def _read_past(self) -> tuple[list[Turn], timedelta]:
        return list(self.call.turns.order_by("number")), elapsed.talked(self.call.pk)

    def lose(self) -> None:
        """The lease is gone."""
        self._leave(Leaving.LOST)

    def give_back(self) -> None:
        """Leave the call to another slot, politely."""
        self._leave(Leaving.HANDED_OVER)

    def _leave(self, why: Leaving) -> None:
        def decide() -> None:
            if not self.leaving.done():
                self.leaving.set_result(why)

        self._loop.call_soon_threadsafe(decide)
