"""One agent after another in a room, while the caller is heard all along.

An agent that hands its call over stays in the room, silent, and keeps what the caller says. Its successor asks for that
as soon as it hears the caller itself, and answers it. Both use what LiveKit has between participants: a question (RPC)
and a stream of bytes.

It falls silent when the database has the call as queued, and not before: while the database is down nobody else can
come.

https://docs.livekit.io/home/client/data/rpc/ and .../byte-streams/
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from django.db import DatabaseError, InterfaceError
from livekit import rtc

from calls.lifecycle import leases
from calls.livekit import rooms
from calls.models import Call
from common.database import in_database
from workers.call.held_call import HeldCall
from workers.conversation.conversation import STAYS_S, Conversation
from workers.history.recorder import WRITE_WITHIN_S
from workers.media.transport import CallTransport
from workers.providers.failover.stt import FailoverSTT

log = structlog.get_logger(__name__)

METHOD = TOPIC = "heard-until-now"
ANSWERS_WITHIN_S = 5.0  # on a busy machine; what the caller says meanwhile is kept
QUEUED_WITHIN_S = 5.0  # a database that does not answer by then is away


async def hand_over(held: HeldCall, conversation: Conversation, transport: CallTransport, stt: FailoverSTT) -> bool:
    """Give the call back, and stay until the next agent listens: the caller does not know that nobody might.

    False when the database does not take it: then the conversation goes on here.
    """
    if not await held.recorder.flush(WRITE_WITHIN_S):
        return False
    conversation.only_listen()
    async with telling(transport.room, stt.kept):
        try:
            async with asyncio.timeout(QUEUED_WITHIN_S):
                await in_database(leases.hand_over, held.call.pk, held.call.attempt)  # False: it is another's already
        except (DatabaseError, InterfaceError, TimeoutError) as error:
            log.warning("call_not_handed_over", error=type(error).__name__)
            await conversation.resume()
            return False
        try:
            await conversation.fall_silent()
            await asyncio.wait([conversation.ending], timeout=STAYS_S)  # the next agent puts this one out of the room
        except Exception:  # the row is another's: nothing that goes wrong here may end the call
            log.exception("not_silent_after_hand_over")
    return True


async def succeed(call: Call, room: rtc.Room, stt: FailoverSTT) -> None:
    """Continue from what the previous agent has heard, and remove it from the room.

    That of a lost worker would stay until its connection times out, and a frozen one might thaw.
    """
    if call.attempt == 1:
        return
    last, *older = (rooms.agent_identity(attempt) for attempt in range(call.attempt - 1, 0, -1))
    former = [last, *(agent for agent in older if agent in room.remote_participants)]  # who could not join was no agent
    if call.answered_at is not None:
        heard: bytes | None = None
        try:
            for agent in former:
                heard = heard or await ask(room, agent)
        except Exception:
            log.exception("previous_agent_not_asked")
        finally:
            await stt.resume(heard)
    try:
        for agent in former:
            await rooms.remove_participant(call.room_name, agent)
    except Exception as error:
        log.warning("previous_agent_not_removed", error=type(error).__name__)


@asynccontextmanager
async def telling(room: rtc.Room, heard: Callable[[], bytes]) -> AsyncIterator[None]:
    """Meanwhile a successor that asks is given what was `heard`: 16 kHz mono 16-bit PCM.

    It takes some time to arrive, so who has told stays until the successor puts it out of the room.
    """

    async def tell(question: rtc.RpcInvocationData) -> str:
        me = room.local_participant
        stream = await me.stream_bytes(TOPIC, topic=TOPIC, destination_identities=[question.caller_identity])
        await stream.write(heard())
        await stream.aclose()
        return ""

    room.local_participant.register_rpc_method(METHOD, tell)
    try:
        yield
    finally:
        room.local_participant.unregister_rpc_method(METHOD)


async def ask(room: rtc.Room, former: str) -> bytes | None:
    """What the `former` agent has heard and not answered. None when it does not say, or did not mean to leave."""
    participant = room.remote_participants.get(former)
    if participant is None or participant.track_publications:  # one with a voice has lost its worker
        return None
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    reading: set[asyncio.Task[None]] = set()

    async def read(stream: rtc.ByteStreamReader) -> None:
        pcm = b"".join([piece async for piece in stream])
        if not heard.done():
            heard.set_result(pcm)

    def begin_to_read(stream: rtc.ByteStreamReader, identity: str) -> None:
        if identity == former:
            reading.add(asyncio.create_task(read(stream)))

    room.register_byte_stream_handler(TOPIC, begin_to_read)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await room.local_participant.perform_rpc(destination_identity=former, method=METHOD, payload="")
            return await heard
    except (rtc.RpcError, TimeoutError):
        return None
    finally:
        room.unregister_byte_stream_handler(TOPIC)
