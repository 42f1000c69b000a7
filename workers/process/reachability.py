"""Whether this process reaches LiveKit. While it does not, it takes no calls: others answer their callers."""

import asyncio
import time

import structlog

from calls.livekit import rooms

log = structlog.get_logger(__name__)

ASK_AFTER_S = 2.0  # since an agent could not join, and since LiveKit did not answer
ANSWERS_WITHIN_S = 2.0


class Reachability:
    """What the agents of one process have found out. Belongs to the call loop."""

    def __init__(self) -> None:
        self._failed_at: float | None = None

    def failed(self) -> None:
        """An agent could not join its room, or has lost it."""
        self._failed_at = time.monotonic()

    async def is_there(self) -> bool:
        """Whether a call may be taken: True until an agent has failed, and again when LiveKit answers afterwards."""
        if self._failed_at is None:
            return True
        if time.monotonic() - self._failed_at < ASK_AFTER_S:
            return False
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await rooms.reach()
        except Exception as error:
            log.warning("livekit_not_reached", error=type(error).__name__)
            self.failed()
            return False
        self._failed_at = None
        return True


livekit = Reachability()
