"""One agent after the other in a room, and the caller is heard all the while.

An agent that hands its call over stays in the room, silent, and keeps what the caller says. Its successor asks for that
as soon as it hears the caller itself, and answers it. Both use what LiveKit has between participants: a question (RPC)
and a stream of bytes.

https://docs.livekit.io/home/client/data/rpc/ and .../byte-streams/
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from livekit import rtc

METHOD = TOPIC = "heard-until-now"
STAYS_S = 8.0  # how long the one waits for the other: without audio, a recogniser is gone after ten seconds
ANSWERS_WITHIN_S = 5.0  # on a busy machine; what the caller says meanwhile is kept


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
