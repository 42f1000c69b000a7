"""How far a call is, and how it ended."""

import asyncio
from dataclasses import dataclass

from calls.states import EndReason, Status


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended: a final status, the reason from the fixed vocabulary, and what exactly failed."""

    status: Status
    reason: EndReason
    detail: str = ""


class Progress:
    """What has happened to a call so far, for all who have to do with it. `ending` is set once, by whatever is first.

    `begun`: caller and agent hear each other. `closing`: the agent is saying its last words, so nothing else is begun.
    `transferring`: the caller is being connected with somebody else, so its leaving is no hanging up.
    """

    def __init__(self) -> None:
        self.begun = False
        self.closing = False
        self.transferring = False
        self.ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(self, status: Status, reason: EndReason, detail: str = "") -> None:
        """End the call for this reason, unless it has another already."""
        if not self.ending.done():
            self.ending.set_result(Ending(status, reason, detail))
