"""Who is tried next when a provider fails, and when nobody is: a short outage of the network ends no call."""

import asyncio
import time

from workers.providers.targets import Target

TRIES_FOR_S = 4.0  # from the first failure; after it nobody is left
AGAIN_AFTER_S = 0.5  # between two rounds through all of them


async def another_round(failing_since: float | None) -> bool:
    """Wait a moment before all are tried again. False: the outage has lasted too long."""
    if failing_since is not None and time.monotonic() - failing_since > TRIES_FOR_S:
        return False
    await asyncio.sleep(AGAIN_AFTER_S)
    return True


class Outage:
    """The failures since a target last worked."""

    def __init__(self, targets: list[Target]) -> None:
        self._targets = targets
        self._failed: set[Target] = set()
        self._since: float | None = None

    def is_over(self) -> None:
        """A target has done its work."""
        self._since = None
        self._failed.clear()

    async def next_after(self, failed: Target) -> Target | None:
        """The first that has not failed, or after a moment the first of all again. None: it has lasted too long."""
        if self._since is None:
            self._since = time.monotonic()
        self._failed.add(failed)
        for target in self._targets:
            if target not in self._failed:
                return target
        if not await another_round(self._since):
            return None
        self._failed.clear()
        return self._targets[0]
