"""Probes: /health says that this process answers, /health/ready that a call would be taken (see readiness)."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from callcenter.health import readiness

ALIVE, READY = "/health", "/health/ready"


@sync_and_async_middleware
def answer_probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer `GET /health` and `/health/ready` before all other middleware; the first touches nothing but this process.

    Probes come from inside: by address instead of the site's name, without TLS, and they must not be redirected.
    """
    if iscoroutinefunction(get_response):
        return _async_probes(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path == READY:
            return async_to_sync(readiness.answer)(request)
        response: HttpResponseBase = _alive() if request.path == ALIVE else get_response(request)
        return response

    return middleware


def _async_probes(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path == READY:
            return await readiness.answer(request)
        return _alive() if request.path == ALIVE else await get_response(request)

    return middleware


def _alive() -> JsonResponse:
    return JsonResponse({"status": "ok", "version": settings.VERSION})
