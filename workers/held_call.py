"""A call that this process holds, and the two ways in which it may have to leave it to another."""

import asyncio
from enum import StrEnum

from calls.database import in_database
from calls.models import Call, Turn
from workers.recorder import CallRecorder


class Leaving(StrEnum):
    """Why a slot leaves a call that goes on without it."""

    LOST = "lost"
    """Another slot has it already, or somebody ended it: nothing may be written, and the room is not ours to close."""
    HANDED_OVER = "handed_over"
    """This process is stopping: the call is queued again as soon as the agent's sentence is finished."""


class HeldCall:
    """A claimed call. `lose` and `give_back` may be called from any thread; the first of them counts."""

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.recorder = CallRecorder(call)
        self.past: list[Turn] = []
        self.leaving: asyncio.Future[Leaving] = loop.create_future()
        self._loop = loop

    async def load_past(self) -> None:
        """Read what was said under earlier attempts, and have the recorder go on counting from there."""
        if self.call.attempt > 1:
            self.past = await in_database(lambda: list(self.call.turns.order_by("number")))
            self.recorder = CallRecorder(self.call, turns_before=self.past[-1].number if self.past else 0)

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
