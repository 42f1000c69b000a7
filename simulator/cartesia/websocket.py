"""Cartesia's websocket /tts/websocket: many utterances on one connection, each a context.

Protocol: docs.cartesia.ai/2026-03-01/api-reference/tts/websocket, as Pipecat's CartesiaTTSService speaks it.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from simulator.cartesia.context import Context
from simulator.cartesia.requests import (
    NOTHING_TO_SAY,
    InvalidRequest,
    admit_speaker,
    cartesia_error,
    check_headers,
    is_speakable,
    parse_generation,
)
from simulator.faults import Target
from simulator.wire import Socket
from simulator.world import WORLD

INACTIVITY_S = 300
"""A silent connection is closed after this long: docs.cartesia.ai/use-the-api/concurrency-limits-and-timeouts."""
DEFAULT_BUFFER_MS = 3000
LONGEST_BUFFER_MS = 5000


async def speak(request: web.Request) -> web.WebSocketResponse:
    """Serve one connection."""
    request.app[WORLD].count("tts", "websocket")
    check_headers(request)
    target = Target("tts", "cartesia")
    socket = await Socket.accept(request, target, admit_speaker(request, target))
    session = SpeakSession(socket)
    try:
        await session.run()
    finally:
        await session.stop()
        socket.forget()
    return socket.ws


class SpeakSession:
    """The contexts of one connection."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._contexts: dict[str, Context] = {}

    async def run(self) -> None:
        """Serve until the client closes or is silent for too long. A wrong message fails its context only."""
        while True:
            try:
                message = await self._socket.receive(INACTIVITY_S)
            except TimeoutError:
                await self._socket.close(reason="connection idle for 5 minutes")
                return
            if message.type != WSMsgType.TEXT:
                return
            document = _parse(message.data)
            context_id = str(document.get("context_id") or uuid.uuid4())
            try:
                self._handle(context_id, document)
            except InvalidRequest as error:
                await self._fail(context_id, error)

    async def stop(self) -> None:
        """Fall silent at once."""
        contexts = list(self._contexts.values())
        for context in contexts:
            context.cancel()
        await asyncio.gather(*(context.task for context in contexts), return_exceptions=True)

    def _handle(self, context_id: str, document: Mapping[str, Any]) -> None:
        context = self._contexts.get(context_id)
        if document.get("cancel") is True:
            if context:
                context.cancel()
            return
        context = context or self._open(context_id, document)
        if context.ended:
            raise InvalidRequest("Context closed", "The context was ended by a message with continue: false.")
        context.add(str(document.get("transcript") or ""))
        if document.get("flush") is True:
            context.flush()
        if document.get("continue") is not True:
            context.end()

    def _open(self, context_id: str, document: Mapping[str, Any]) -> Context:
        first = parse_generation(document)
        if not is_speakable(first.transcript):
            message = "first transcript for WS is empty or contains only punctuation"
            raise InvalidRequest(NOTHING_TO_SAY, message)
        buffer_ms = document.get("max_buffer_delay_ms", DEFAULT_BUFFER_MS)
        if isinstance(buffer_ms, bool) or not isinstance(buffer_ms, int) or not 0 <= buffer_ms <= LONGEST_BUFFER_MS:
            problem = f"max_buffer_delay_ms is {buffer_ms!r}: it must be 0 to {LONGEST_BUFFER_MS}."
            raise InvalidRequest("Invalid max_buffer_delay_ms", problem)
        context = Context(self._socket, context_id, first, buffer_ms / 1000, self._forget)
        self._contexts[context_id] = context
        return context

    def _forget(self, context_id: str) -> None:
        self._contexts.pop(context_id, None)

    async def _fail(self, context_id: str, error: InvalidRequest) -> None:
        event = {"type": "error", "done": True, "status_code": 400, "context_id": context_id}
        await self._socket.send({**event, **cartesia_error(error.title, str(error))})


def _parse(data: str) -> Mapping[str, Any]:
    try:
        message = json.loads(data)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {}
