"""ASGI, as our own applications in front of Django's speak it. https://asgi.readthedocs.io/en/latest/specs/www.html"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.http import HttpResponse

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[Mapping[str, Any]]]
type Send = Callable[[Mapping[str, Any]], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Disconnected(Exception):
    """Whoever asked has gone before the body was complete."""


class TooLarge(Exception):
    """The body is larger than allowed."""


async def read_body(receive: Receive, max_bytes: int | None = None) -> bytes:
    """Return the whole body. Raises Disconnected, and TooLarge as soon as it has more than `max_bytes`."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if max_bytes is not None and len(body) > max_bytes:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


async def send_response(response: HttpResponse, send: Send) -> None:
    """Answer with this response, whose content is complete."""
    headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"content-length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
