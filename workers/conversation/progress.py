"""How far a call is, and how it ended."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from calls.models import Call
from calls.states import EndReason, Status

LAST_WORDS_SAID = frozenset(
    {EndReason.AGENT_GOODBYE, EndReason.SILENCE, EndReason.MAX_DURATION, EndReason.PROVIDER_FAILURE}
)
"""Ends before which the agent said goodbye, or connected the caller with someone else."""


class Leaving(StrEnum):
    """Why a slot leaves a call that continues without it."""

    LOST = "lost"
    """Another slot already has it, or someone ended it: nothing may be written, and the room is not ours to close."""
    HANDED_OVER = "handed_over"
    """Another slot is to take it: this process is stopping."""
    NOT_JOINED = "not_joined"
    """The agent could not join the room. Another worker may do better."""
    NOT_HEARD = "not_heard"
    """The caller's side does not take the agent's audio, as when it or this machine is too slow."""
    NO_PROVIDER = "no_provider"
    """This worker does not know the persona's provider, which only a newer release has."""
    DISCONNECTED = "disconnected"
    """The agent lost its connection to LiveKit. The caller may still be in the room."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended: a final status, the reason from the fixed vocabulary, and what exactly failed."""

    status: Status
    reason: EndReason
    detail: str = ""


def never_heard(call: Call) -> Ending:
    """How a call ends whose caller, or called person, left before the agent was heard."""
    if call.needs_dialing:
        return Ending(Status.MISSED, EndReason.NO_ANSWER, "hung up again before the agent was heard")
    return Ending(Status.MISSED, EndReason.CALLER_GAVE_UP, "the caller had left when the agent came")


class Progress:
    """What has happened to a call so far, for all that deals with it. `ending` is set once, by whatever is first.

    `begun`: caller and agent hear each other. `closing`: the agent is saying its last words, so nothing else is begun.
    `transferring`: the caller is being connected with someone else, so leaving is not hanging up. `ending` is a
    Leaving when the call goes on without this agent.
    """

    def __init__(self) -> None:
        self.begun = False
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self.transferring = False
        self.ending: asyncio.Future[Ending | Leaving] = asyncio.get_running_loop().create_future()

    @property
    def closing(self) -> bool:
        return not self._goes_on.is_set()

    @closing.setter
    def closing(self, closing: bool) -> None:
        if closing:
            self._goes_on.clear()
        else:
            self._goes_on.set()

    async def not_closing(self) -> None:
        """Wait until the agent is not saying its last words: it may be interrupted in them, and resume."""
        while self.closing:
            await self._goes_on.wait()

    def end(self, status: Status, reason: EndReason, detail: str = "") -> None:
        """End the call for this reason, unless it has another already."""
        if not self.ending.done():
            self.ending.set_result(Ending(status, reason, detail))

    def leave(self, why: Leaving) -> None:
        """Leave the call, which continues without this agent, unless it has already ended."""
        if not self.ending.done():
            self.ending.set_result(why)
