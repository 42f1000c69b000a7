"""Headers of every response, besides what Django's own middleware says."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from common.permissions_policy import permissions_policy

DEFAULTS = {
    "Permissions-Policy": permissions_policy(),
    # Transcripts and numbers are left in no cache, nor for the next person at the same browser. Static files say
    # themselves how long they are kept.
    "Cache-Control": "no-store",
}


@sync_and_async_middleware
def add_headers(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Add the defaults to an answer that does not have these headers."""
    if iscoroutinefunction(get_response):
        return _async_headers(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _with_defaults(get_response(request))

    return middleware


def _async_headers(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def middleware(request: HttpRequest) -> HttpResponseBase:
        return _with_defaults(await get_response(request))

    return middleware


def _with_defaults(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in DEFAULTS.items():
        response.headers.setdefault(name, value)
    return response
