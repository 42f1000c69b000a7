"""A request's body is refused before it is read: too large with 413, too slow with 408. Also by the real process."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.conf import settings

from callcenter.http.request_limits import RequestLimits
from tests.product.stack import Stack, eventually
from tests.security.input.sockets import answer_to
from tools.local.ports import LOOPBACK
from tools.measure.world import answers

KIB = 1024
LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
# Every kind of place that a stranger reaches: a page, the API, a probe, webhooks of both senders, a static file.
PLACES = [
    "/admin/login/",
    "/api/calls/",
    "/health",
    "/metrics",
    "/webhooks/livekit",
    "/webhooks/twilio/voice",
    "/webhooks/twilio/status",
    "/static/callcenter/favicon.svg",
    "/no-such-page",
]


class Request:
    """One request over ASGI. What the client sends after its `parts` is nothing, for ever, unless it `leaves`."""

    def __init__(self, *parts: bytes, leaves: bool = False, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": [(name.encode(), value.encode()) for name, value in names.items()],
        }
        self.unread: list[Mapping[str, Any]] = [
            {"type": "http.request", "body": part, "more_body": True} for part in parts if part
        ]
        if leaves:
            self.unread.append({"type": "http.disconnect"})
        elif parts and not parts[-1]:
            self.unread.append({"type": "http.request", "body": b"", "more_body": False})
        self.sent: list[Mapping[str, Any]] = []

    async def receive(self) -> Mapping[str, Any]:
        if not self.unread:
            await asyncio.Event().wait()
        return self.unread.pop(0)

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


class Application:
    """Keeps the bodies that reached it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert not message.get("more_body")
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(request: Request, *, max_s: float = 60.0, max_bytes: int = 10) -> Application:
    application = Application()
    await RequestLimits(application, max_bytes, max_s)(request.scope, request.receive, request.send)
    return application


async def test_a_body_up_to_the_limit_arrives_as_one() -> None:
    request = Request(b"12345", b"67890", b"")

    application = await ask(request)

    assert (request.status, application.bodies) == (200, [b"1234567890"])


async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    request = Request(b"1", content_length="11")

    application = await ask(request)

    assert (request.status, application.bodies, len(request.unread)) == (413, [], 1)
    assert request.headers[b"connection"] == b"close"
    assert json.loads(request.sent[1]["body"]) == {"error": "body: more than 10 bytes"}


async def test_a_body_that_does_not_say_its_size_is_counted() -> None:
    request = Request(b"12345", b"678901", b"not read")

    application = await ask(request)

    assert (request.status, application.bodies, len(request.unread)) == (413, [], 1)


@pytest.mark.parametrize("length", ["ten", "-1", "1e9", ""])
async def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    request = Request(b"1", content_length=length)

    assert (await ask(request)).bodies == []
    assert request.status == 400


async def test_a_body_that_does_not_come_is_waited_for_only_so_long() -> None:
    request = Request(b"1", content_length="2")

    application = await ask(request, max_s=0.01)

    assert (request.status, application.bodies) == (408, [])
    assert request.headers[b"connection"] == b"close"


async def test_a_client_that_leaves_before_its_body_is_complete_gets_no_answer() -> None:
    request = Request(b"1", leaves=True)

    application = await ask(request)

    assert (request.sent, application.bodies) == ([], [])


async def test_an_application_that_waits_for_more_hears_that_the_client_left() -> None:
    heard = []

    async def wait(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])

    request = Request(b"1", b"")
    request.unread.append({"type": "http.disconnect"})
    await RequestLimits(wait, 10, 60.0)(request.scope, request.receive, request.send)

    assert heard == ["http.request", "http.disconnect"]


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    """The port of the real web process, which has no database."""
    port, stack = int(os.environ["WEB_PORT"]), Stack()
    try:
        stack.start_web()
        eventually(lambda: answers(f"http://{LOOPBACK}:{port}/health"), "web", timeout_s=180.0)
        yield port
    finally:
        stack.stop()


@pytest.mark.parametrize("path", PLACES)
def test_the_web_process_refuses_a_large_body_before_it_comes(path: str, web: int) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 * KIB * KIB}\r\n\r\n"

    status, body = answer_to(web, head.encode())

    assert (status, body) == (413, f'{{"error": "body: more than {LIMIT} bytes"}}')


@pytest.mark.parametrize("path", PLACES)
def test_the_web_process_counts_a_body_without_a_length(path: str, web: int) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = LIMIT + KIB

    status, _ = answer_to(web, head.encode() + f"{chunk:x}\r\n".encode() + bytes(chunk))

    assert status == 413


def test_the_web_process_asks_for_no_large_body_that_waits_for_permission(web: int) -> None:
    head = f"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: {KIB * KIB}\r\nExpect: 100-continue\r\n\r\n"

    assert answer_to(web, head.encode())[0] == 413


def test_a_websocket_is_no_way_in(web: int) -> None:
    head = (
        "GET /admin/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    assert answer_to(web, head.encode())[0] == 302
