"""Liveness: says that this process answers, and nothing about what it depends on."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def answer_probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer `GET /health` before all other middleware, without touching the database or the broker.

    Probes come from inside: by address instead of the site's name, without TLS, and they must not be redirected.
    """
    if iscoroutinefunction(get_response):
        return _async_probes(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = _answer(request) or get_response(request)
        return response

    return middleware


def _async_probes(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def middleware(request: HttpRequest) -> HttpResponseBase:
        return _answer(request) or await get_response(request)

    return middleware


def _answer(request: HttpRequest) -> JsonResponse | None:
    if request.path != "/health":
        return None
    return JsonResponse({"status": "ok", "version": settings.VERSION})
