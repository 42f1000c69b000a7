"""Who may read metrics, and the path at which the web process exports its own."""

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, generate_latest

from calls.reporting import collectors

PATH = "/metrics"
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")
REFUSED = "Authorization: send METRICS_TOKEN as a bearer token, or connect from one of METRICS_ALLOWED_NETWORKS\n"


def may_read(authorization: str, address: str, *, forwarded: bool) -> bool:
    """Whether this header, or this address of a caller that came through no proxy, may read metrics."""
    scheme, _, token = authorization.partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return not forwarded and _is_allowed(address)


def _is_allowed(address: str) -> bool:
    try:
        caller = ip_address(address)
        return any(caller in ip_network(network, strict=False) for network in settings.METRICS_ALLOWED_NETWORKS)
    except ValueError:
        return False


def web_metrics(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`: the process's own, Django's, and those of the whole call center. 401 for whoever may not."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    forwarded = any(header in request.headers for header in FORWARDED)
    address = request.META.get("REMOTE_ADDR", "")
    if not may_read(request.headers.get("Authorization", ""), address, forwarded=forwarded):
        return HttpResponse(REFUSED, status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"})
    body = generate_latest(REGISTRY) + generate_latest(collectors.registry)
    return HttpResponse(body, content_type=CONTENT_TYPE_PLAIN_0_0_4)


@sync_and_async_middleware
def answer_scrapes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer `/metrics` before all other middleware: Prometheus comes from inside, by address and without TLS."""
    if iscoroutinefunction(get_response):
        return _async_scrapes(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = web_metrics(request) if request.path == PATH else get_response(request)
        return response

    return middleware


def _async_scrapes(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path == PATH:
            return await sync_to_async(web_metrics)(request)
        return await get_response(request)

    return middleware
