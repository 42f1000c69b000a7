"""What the provider servers have in common on the wire: admission with faults, and websockets that may suffer one."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from simulator.faults import Connection, Fault, Target
from simulator.world import WORLD, World

GARBAGE = "\ufffd<html>502 Bad Gateway"

CLOSING = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
"""What comes when there will be no more messages."""

REFUSED_KEY = "invalid"
"""An API key that every simulated provider refuses; any other is accepted."""


def json_error(status: int, body: Mapping[str, Any]) -> web.HTTPException:
    """An HTTP error with a JSON body, to be raised."""
    known: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        422: web.HTTPUnprocessableEntity,
        429: web.HTTPTooManyRequests,
        500: web.HTTPInternalServerError,
        502: web.HTTPBadGateway,
    }
    return known[status](text=json.dumps(body), content_type="application/json")


def admit(request: web.Request, target: Target, too_many: Mapping[str, Any], broken: Mapping[str, Any]) -> Fault | None:
    """Let a request in, or fail it if an active fault says so; return the fault that it will suffer later.

    `too_many` and `broken` are the provider's bodies for 429 and 500.
    """
    fault = take_fault(request, target)
    if fault and fault.kind == "429":
        raise json_error(429, too_many)
    if fault and fault.kind == "500":
        raise json_error(500, broken)
    return fault


def take_fault(request: web.Request, target: Target) -> Fault | None:
    """The fault that hits a request, if any; the connection of one that is to be refused is cut."""
    fault = request.app[WORLD].faults.take(target)
    if fault and fault.kind == "refuse":
        cut(request)
        raise json_error(502, {})
    return fault


def model_of(request: web.Request) -> str:
    """The model that a request asks for in its address; empty if it does not."""
    named = (request.query.get(name) for name in ("model", "model_id", "speech_model"))
    return next((model for model in named if model), "")


def cut(request: web.Request) -> None:
    """Break the TCP connection, without a word."""
    if request.transport is not None:
        request.transport.abort()


class Socket:
    """A websocket."""

    def __init__(self, ws: web.WebSocketResponse, world: World, request: web.Request, connection: Connection) -> None:
        self.ws = ws
        self.world = world
        self.request = request
        self.connection = connection

    @classmethod
    async def accept(cls, request: web.Request, target: Target, fault: Fault | None) -> "Socket":
        """Answer the handshake."""
        world = request.app[WORLD]
        ws = web.WebSocketResponse(max_msg_size=16 * 1024 * 1024, autoping=False)
        await ws.prepare(request)
        return cls(ws, world, request, world.faults.open(target, fault, lambda: cut(request)))

    async def receive(self, within_s: float | None = None) -> WSMessage:
        """The next message. Pings are answered meanwhile, unless it hangs. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                message = await self.ws.receive()
                if message.type is WSMsgType.PING:
                    if not self.connection.hanging:
                        await self.ws.pong(message.data)
                elif message.type is not WSMsgType.PONG:
                    return message

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send JSON, or what the active fault makes of it. A client that has gone is no error."""
        if self.connection.hanging or self.ws.closed:
            return
        try:
            await self.ws.send_str(GARBAGE if self.connection.garbage else json.dumps(message))
        except (ConnectionError, RuntimeError):
            # the client closed while the message was made
            return

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        """Close the websocket, unless it hangs."""
        if not self.connection.hanging and not self.ws.closed:
            await self.ws.close(code=code, message=reason.encode()[:120])

    def forget(self) -> None:
        """Take the connection off the fault board."""
        self.world.faults.close(self.connection)
