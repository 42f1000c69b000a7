"""Webhooks, past Django's middleware: it would cost many times what the webhooks themselves do.

They need no login and no page, and their signature authenticates them. So Django's views answer in threads of their
own. Everything else goes on to Django's application.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from io import BytesIO
from typing import Any

import structlog
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, JsonResponse

from calls.reporting.collectors import count_webhook, webhook_seconds
from common.asgi import Application, Disconnected, Receive, Scope, Send, read_body, send_response
from common.database import borrowed_connection

log = structlog.get_logger(__name__)

WITHIN_S = 5.0  # a webhook of which nothing is known by then is asked for again

type View = Callable[[HttpRequest], HttpResponse]


class Webhooks:
    """An ASGI application that answers the paths of `views` in `threads`, and leaves all others to `site`."""

    def __init__(self, site: Application, views: Mapping[str, View], threads: Executor) -> None:
        self._site = site
        self._views: dict[str, Any] = {path: convert_exception_to_response(view) for path, view in views.items()}
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        view = self._views.get(scope["path"]) if scope["type"] == "http" else None
        if view is None:
            await self._site(scope, receive, send)
            return
        try:
            body = await read_body(receive)  # whose size callcenter.http.request_limits limits
        except Disconnected:
            return
        with webhook_seconds.labels(_source(scope)).time():
            response = await self._response(view, scope, body)
        await send_response(response, send)

    async def _response(self, view: View, scope: Scope, body: bytes) -> HttpResponse:
        answering = asyncio.get_running_loop().run_in_executor(self._threads, _answer, view, scope, body)
        try:
            return await asyncio.wait_for(answering, WITHIN_S)
        except TimeoutError:  # one that waits for a thread is dropped; one that waits for PostgreSQL may yet be stored
            log.error("webhook_not_answered", path=scope["path"])
            count_webhook(_source(scope), "unavailable")
            return JsonResponse({"error": f"not stored within {WITHIN_S:g} s; send the event again"}, status=503)


def _source(scope: Scope) -> str:
    """Who sends: `livekit` or `twilio`, as the path says."""
    return str(scope["path"].split("/")[2])


def _answer(view: View, scope: Scope, body: bytes) -> HttpResponse:
    """In a thread, which gives its connection back: no signal of a request tells Django to."""
    try:
        with borrowed_connection():
            return view(ASGIRequest(scope, BytesIO(body)))
    except UnicodeDecodeError:
        return JsonResponse({"error": "the query is not UTF-8"}, status=400)
