"""How a slot ends its call, or leaves it to another slot.

The end is written first, and only the process that wrote it closes the room: once the room is gone, the row is final;
and an old attempt, or one that cannot tell, closes nothing. While the database is down there is one exception: a caller
who has heard the agent's last words is disconnected by that agent, whoever has the row, unless another agent is in the
room. Every other room that outlives its call is closed by the reaper, once the row is final.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from functools import partial

import structlog
from django.db import DatabaseError, InterfaceError

from calls.lifecycle import leases
from calls.lifecycle.leases import LEASE
from calls.livekit import rooms
from calls.livekit.rooms import COMES_BACK_WITHIN_S
from calls.models import Call
from calls.states import EndReason, Status
from common.database import in_database_within
from workers import metrics
from workers.call.held_call import HeldCall
from workers.conversation.progress import LAST_WORDS_SAID, Ending, Leaving
from workers.history.entries import Outcome
from workers.history.recorder import WRITE_WITHIN_S
from workers.process import reachability

log = structlog.get_logger(__name__)

RESTARTS_WITHIN_S = 4.0  # a LiveKit that does not answer for so long is taken to be cut off from this process alone
ANSWERS_WITHIN_S = 2.0
ASK_AGAIN_S = 0.5
_PROBLEMS = {
    Leaving.NOT_JOINED: "the agent could not join the room",
    Leaving.NOT_HEARD: "the caller's side did not take the agent's audio",
    Leaving.NO_PROVIDER: "the worker does not know the persona's provider",
}


async def finish(held: HeldCall, ending: Ending | Leaving) -> None:
    """Write the end, and hang up; or leave the call to another slot."""
    if ending == Leaving.DISCONNECTED and await _caller_is_gone(held.call):
        ending = Ending(Status.FAILED, EndReason.ROOM_GONE)
    if isinstance(ending, Leaving):
        log.info("call_left", why=ending)
        await _leave(held, ending)
    elif await _may_hang_up(held, ending):
        await _close_room(held.call)


async def _leave(held: HeldCall, why: Leaving) -> None:
    """Have another slot take the call. The lease of a call that cannot be given back now expires."""
    call = held.call
    give_back: Callable[[uuid.UUID, int], bool]
    match why:
        case Leaving.HANDED_OVER:
            give_back = leases.hand_over
        case Leaving.DISCONNECTED:
            give_back = leases.give_up
        case Leaving.NOT_JOINED | Leaving.NOT_HEARD:
            metrics.not_joined()
            give_back = partial(leases.not_joined, problem=_PROBLEMS[why])
        case Leaving.NO_PROVIDER:
            give_back = partial(leases.not_joined, problem=_PROBLEMS[why])
        case Leaving.LOST:
            return
    if not await held.recorder.flush(WRITE_WITHIN_S):
        log.warning("call_not_given_back", error="what was said is not written")
        return
    try:
        await in_database_within(LEASE.total_seconds(), lambda: give_back(call.pk, call.attempt))
    except (DatabaseError, InterfaceError) as error:
        log.warning("call_not_given_back", error=type(error).__name__)


async def _may_hang_up(held: HeldCall, ending: Ending) -> bool:
    """Write the end. Returns whether the room is ours to close."""
    call, recorder = held.call, held.recorder
    recorder.ended(ending.status, ending.reason, ending.detail)
    if await recorder.flush(WRITE_WITHIN_S):
        return recorder.end_outcome == Outcome.WRITTEN  # else another slot has the call, or whoever ended it hangs up
    log.warning("end_not_written_yet", reason=str(ending.reason))
    return ending.reason in LAST_WORDS_SAID and await _is_only_agent(call)


async def _is_only_agent(call: Call) -> bool:
    try:
        others = await rooms.agents_in(call.room_name) - {rooms.agent_identity(call.attempt)}
    except Exception as error:
        log.warning("room_not_seen", error=type(error).__name__)
        return False
    return not others


async def _caller_is_gone(call: Call) -> bool:
    """Whether LiveKit says that the caller is not in the room, and its side has not come back for a while.

    The while begins with LiveKit's first answer: to one that restarts nobody can come back. False when LiveKit does not
    answer, as when this process is cut off from it.
    """
    began = time.monotonic()
    answers_since: float | None = None
    while True:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                if await rooms.participant(call.room_name, call.caller_identity) is not None:
                    return False
            answers_since = answers_since or time.monotonic()
            if time.monotonic() - answers_since > COMES_BACK_WITHIN_S:
                return True
        except Exception as error:
            if time.monotonic() - began > RESTARTS_WITHIN_S:
                log.warning("room_not_seen", error=type(error).__name__)
                reachability.livekit.failed()
                return False
        await asyncio.sleep(ASK_AGAIN_S)


async def _close_room(call: Call) -> None:
    try:
        await rooms.delete_room(call.room_name)
    except Exception:
        log.exception("room_not_closed")
