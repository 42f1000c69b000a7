"""Refuses WebSockets in front of Django, which knows HTTP only and would answer a handshake with an error."""

from collections.abc import Awaitable, Callable
from typing import Any

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[Any]]
type Send = Callable[[Any], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class HttpOnly:
    """An ASGI application that passes everything but WebSockets on. Servers answer 403 to what is closed at once."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._application(scope, receive, send)
            return
        await receive()  # its first message, websocket.connect
        await send({"type": "websocket.close", "code": 1000})
