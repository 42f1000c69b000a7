"""AssemblyAI's streaming websocket, /v3/ws.

The key is checked after the handshake, as the real service does: a client with a wrong one is let in, told so by an
Error message, and closed. Limits and mistakes are reported the same way. What the real service refuses and this one
does not: audio that comes faster than real time, because tests send it so.
"""

from aiohttp import web

from simulator.assemblyai.messages import (
    BROKEN,
    INVALID_MESSAGE,
    TOO_MANY_SESSIONS,
    UNAUTHORIZED,
    SessionError,
)
from simulator.assemblyai.options import ENCODINGS, Options
from simulator.assemblyai.pro import ProSession
from simulator.assemblyai.universal import UniversalSession
from simulator.faults import Fault, Target
from simulator.hearing.query import Query
from simulator.speech.audio import AudioDecoder
from simulator.wire import REFUSED_KEY, Socket, take_fault
from simulator.world import WORLD


async def listen(request: web.Request) -> web.WebSocketResponse:
    """Serve one caller."""
    request.app[WORLD].count("stt", "assemblyai")
    target = Target("stt", "assemblyai", request.query.get("speech_model", ""))
    fault = take_fault(request, target)
    socket = await Socket.accept(request, target, fault)
    try:
        _admit(request, fault)
        options = Options(Query(request, lambda problem: SessionError(INVALID_MESSAGE, f"Bad parameters: {problem}")))
        decoder = AudioDecoder(ENCODINGS[options.encoding][0], options.sample_rate)
        session = ProSession if options.is_pro else UniversalSession
        await session(socket, decoder, options).run()
    except SessionError as error:
        await socket.send(error.message())
        await socket.close(error.code, "See Error message for details")
    finally:
        socket.forget()
    return socket.ws


def _admit(request: web.Request, fault: Fault | None) -> None:
    """Check the key, which comes in a header or as a temporary token, and the faults that are an answer."""
    key = request.headers.get("Authorization", "").strip() or request.query.get("token", "").strip()
    if not key:
        raise SessionError(UNAUTHORIZED, "Unauthorized Connection: Missing Authorization header")
    if key == REFUSED_KEY:
        raise SessionError(UNAUTHORIZED, "Unauthorized Connection: Invalid API key")
    if fault and fault.kind == "429":
        raise SessionError(TOO_MANY_SESSIONS, "Unauthorized Connection: Too many concurrent sessions")
    if fault and fault.kind == "500":
        raise SessionError(BROKEN, "Session Cancelled: An error occurred")
