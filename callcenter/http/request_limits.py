"""What a request's headers may say, how large its body may be and how long it may take, before anything processes it.

Nobody has to log in to send a body. Django reads it whole before it asks who sends it, or answers 404.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from django.http import JsonResponse

from callcenter.http import request_headers
from common.asgi import Application, Disconnected, Receive, Scope, Send, TooLarge, read_body, send_response

BODY_S = 15.0  # 256 KiB in this time is 17 KiB a second


class Refused(Exception):
    """The request is answered with `status` instead of being handled."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RequestLimits:
    """An ASGI application that reads a request's body, and hands the request on to `application` when it is complete.

    Headers that callcenter.http.request_headers does not allow are refused with 400. A body of more than `max_bytes` is
    refused with 413, unread where it says its size; one that takes longer than `max_s` with 408. Each of these ends the
    connection.
    """

    def __init__(self, application: Application, max_bytes: int, max_s: float = BODY_S) -> None:
        self._application = application
        self._max_bytes = max_bytes
        self._max_s = max_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        scope = {**scope, "headers": list(scope["headers"])}  # as they are checked
        try:
            body = await self._body(scope, receive)
        except Disconnected:
            return
        except Refused as refused:
            answer = JsonResponse({"error": str(refused)}, status=refused.status, headers={"Connection": "close"})
            await send_response(answer, send)
            return
        await self._application(scope, _with_body(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises Refused or Disconnected."""
        if problem := request_headers.problem(scope["headers"]):
            raise Refused(400, problem)
        self._check_length(dict(scope["headers"]).get(b"content-length", b"0"))
        try:
            async with asyncio.timeout(self._max_s):
                return await read_body(receive, self._max_bytes)
        except TimeoutError:
            raise Refused(408, f"body: not complete within {self._max_s:g} s") from None
        except TooLarge:
            raise self._too_large() from None

    def _check_length(self, length: bytes) -> None:
        if not length.isdigit():
            raise Refused(400, "Content-Length: this is not a number of bytes")
        # A number of 5,000 digits costs more than it says.
        if len(length) > 15 or int(length) > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> Refused:
        return Refused(413, f"body: more than {self._max_bytes} bytes")


def _with_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body first, and then what else comes: the client's leaving."""
    unread: list[Mapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_next() -> Mapping[str, Any]:
        return unread.pop() if unread else await receive()

    return receive_next
