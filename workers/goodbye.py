"""How the agent ends a call."""

import asyncio

from calls.states import EndReason, Status
from workers.progress import Progress
from workers.speaking import Speaking


class Goodbye:
    """The words of a goodbye, heard by the caller before the call ends as completed."""

    def __init__(self, words: str, speaking: Speaking, progress: Progress) -> None:
        self._words = words
        self._speaking = speaking
        self._progress = progress

    async def close(self, reason: EndReason) -> None:
        """Say goodbye, wait until it has been heard, and end the call."""
        if self._progress.closing:
            return
        self._progress.closing = True
        await self._speaking.say_and_wait(self._words)
        self._progress.end(Status.COMPLETED, reason)

    async def hang_up(self) -> None:
        """The language model ends the conversation; cancelled when the caller speaks up meanwhile."""
        self._progress.closing = True
        try:
            await self._speaking.wait_for(self._speaking.answered)
            if self._speaking.last_reply:
                await self._speaking.heard()
            else:
                await self._speaking.say_and_wait(self._words)
        except asyncio.CancelledError:
            self._progress.closing = False
            raise
        self._progress.end(Status.COMPLETED, EndReason.AGENT_GOODBYE)
