"""An outbound call before its conversation: the agent is in the room, has the person called, and says nothing yet."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from django.db import DatabaseError, InterfaceError
from livekit import rtc

from calls.lifecycle import elapsed, leases
from calls.livekit import dialing
from calls.livekit.dialing import NotReached
from calls.models import Call
from calls.states import EndReason, Status
from common.database import in_database
from workers.call.held_call import HeldCall
from workers.conversation.conversation import Conversation
from workers.conversation.progress import Ending, Leaving
from workers.media.input import CallerEar
from workers.media.transport import CallTransport
from workers.process import reachability

JOINED_WITHIN_S = 10.0  # until the agent's own track is published: nobody is called before
WHY_WITHIN_S = 3.0  # by so much later than the person's side leaves, LiveKit may tell why
SILENCE_EVERY_S = 2.0  # Deepgram closes a connection that has brought no audio for 10 s

_LEFT_BECAUSE: dict[int, EndReason] = {
    rtc.DisconnectReason.USER_UNAVAILABLE: EndReason.NO_ANSWER,
    rtc.DisconnectReason.USER_REJECTED: EndReason.REFUSED,
    rtc.DisconnectReason.SIP_TRUNK_FAILURE: EndReason.DIAL_FAILED,
}


async def reach(
    held: HeldCall, conversation: Conversation, transport: CallTransport, running: asyncio.Future[Any]
) -> Ending | Leaving | None:
    """Call the person, and wait until it is answered. Returns an ending if nobody was reached.

    Also returns, with None, when the pipeline or the room has ended, or the call is another's: who waits for the
    person's side to take the agent's audio finds that out next.
    """
    over: tuple[asyncio.Future[Any], ...] = (conversation.ending, running, held.leaving)
    joined = asyncio.create_task(transport.joined.wait())
    await asyncio.wait({joined, *over}, timeout=JOINED_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    joined.cancel()
    if any(future.done() for future in over):
        return None
    if not transport.is_connected():
        reachability.livekit.failed()
        return Leaving.NOT_JOINED
    dialed = asyncio.create_task(_dial(held, transport))
    try:
        async with _silence(transport.input()):
            await asyncio.wait({dialed, *over}, return_when=asyncio.FIRST_COMPLETED)
        if conversation.ending.done():
            await asyncio.wait({dialed}, timeout=WHY_WITHIN_S)
        if not dialed.done():
            return _left(conversation, transport)
        dialed.result()
    except NotReached as failure:
        return _ending(failure.reason, failure.detail)
    finally:
        dialed.cancel()
    held.recorder.event("picked_up")
    return None


async def _dial(held: HeldCall, transport: CallTransport) -> None:
    """Call the person, unless an agent that was lost meanwhile has done so, and it rings."""
    if transport.caller_is_present():
        await _picked_up(held.call, transport)
        return
    try:
        if not await in_database(leases.may_dial, held.call):
            raise NotReached(EndReason.NO_ANSWER, "the person or a supervisor hung up before this agent could dial")
    except (DatabaseError, InterfaceError) as error:
        raise NotReached(EndReason.DIAL_FAILED, "the database did not say whether to dial") from error
    held.recorder.event("dialing")
    await dialing.dial(held.call)


async def _picked_up(call: Call, transport: CallTransport) -> None:
    """LiveKit's SIP service takes the agent's audio as soon as the telephone was picked up, and not before.

    A side that does not is deaf, or slow: how long it is waited for is not for the ring time to say.
    """
    if transport.caller_has_picked_up():
        return
    try:
        rings_for = await in_database(elapsed.rings_for, call.pk)
    except (DatabaseError, InterfaceError):
        rings_for = dialing.RINGS
    try:
        async with asyncio.timeout(rings_for.total_seconds()):
            await transport.agent_heard.wait()
    except TimeoutError as error:
        raise NotReached(EndReason.NO_ANSWER, "it rang too long") from error


def _left(conversation: Conversation, transport: CallTransport) -> Ending | None:
    """The person's side left without a word of LiveKit's; None when it was something else that ended."""
    if not conversation.ending.done():
        return None
    ending = conversation.ending.result()
    if isinstance(ending, Leaving) or ending.reason != EndReason.CALLER_LEFT:
        return None
    because = transport.caller_left_because
    reason = _LEFT_BECAUSE.get(because, EndReason.NO_ANSWER) if because is not None else EndReason.NO_ANSWER
    return _ending(reason, "the telephone's side left before it was picked up")


def _ending(reason: EndReason, detail: str) -> Ending:
    return Ending(Status.FAILED if reason == EndReason.DIAL_FAILED else Status.MISSED, reason, detail)


@contextlib.asynccontextmanager
async def _silence(ear: CallerEar) -> AsyncIterator[None]:
    """Meanwhile those who listen hear a line on which nobody speaks: there is no caller's track yet."""

    async def send() -> None:
        while True:
            await ear.hear_silence()
            await asyncio.sleep(SILENCE_EVERY_S)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
