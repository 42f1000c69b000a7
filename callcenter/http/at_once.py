"""How many requests are handled at once, so that people who search leave connections to the database for webhooks."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import JsonResponse

from callcenter.health import probes
from calls.reporting import scraping
from common.asgi import Application, Receive, Scope, Send, send_response

log = structlog.get_logger(__name__)

WAITS_S = 10.0
EVENT_STREAM = b"text/event-stream"


def always_allowed() -> set[str]:
    """The paths of probes, metrics and all static files, as they are now: a later file waits like a page."""
    files = [name for finder in finders.get_finders() for name, _ in finder.list([])]
    return {probes.ALIVE, probes.READY, scraping.PATH, *(f"{settings.STATIC_URL}{name}" for name in files)}


class AtOnce:
    """An ASGI application that hands at most `most` requests on to `application` at a time, and 503 to whom waits long.

    A request is over when its answer has been sent. So what a stranger could leave unread must pass at any time: the
    paths in `always`, whole ones, because whatever else begins like them is for the site to answer. An event stream,
    which goes on for minutes and holds no connection to the database, counts until it begins.
    """

    def __init__(self, application: Application, most: int, always: Collection[str], waits_s: float = WAITS_S) -> None:
        self._application = application
        self._free = asyncio.Semaphore(most)
        self._always = always
        self._waits_s = waits_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._always:
            await self._application(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._waits_s):
                await self._free.acquire()
        except TimeoutError:
            log.error("too_many_requests_at_once", path=scope["path"])
            answer = JsonResponse({"error": "too many requests at once; try again"}, status=503)
            await send_response(answer, send)
            return
        turn = _Turn(self._free, send)
        try:
            await self._application(scope, receive, turn.send)
        finally:
            turn.end()


class _Turn:
    """One of the requests that are handled at once."""

    def __init__(self, free: asyncio.Semaphore, send: Send) -> None:
        self._free: asyncio.Semaphore | None = free
        self._send = send

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and _is_event_stream(message["headers"]):
            self.end()
        await self._send(message)

    def end(self) -> None:
        """Let the next one in, once."""
        if self._free is not None:
            self._free.release()
            self._free = None


def _is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value == EVENT_STREAM for name, value in headers)
