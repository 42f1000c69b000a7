"""Webhooks past Django's middleware: what is answered in threads of their own, and what those do with the database."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from calls.models import WebhookEvent
from calls.reporting.collectors import registry, webhook_seconds
from calls.webhooks import asgi
from calls.webhooks.asgi import View, Webhooks
from common.database import in_database
from tests.factories import WEBHOOK_PATH, new_room, webhook_request

PATH = "/webhooks/test"


class Answer(NamedTuple):
    status: int
    body: bytes


class Sender:
    """One request over ASGI, its body in parts."""

    def __init__(self, *parts: bytes, path: str = PATH, method: str = "POST", query: bytes = b"", **headers: str):
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self.unread = [
            {"type": "http.request", "body": part, "more_body": number < len(parts)}
            for number, part in enumerate(parts, start=1)
        ]
        self.sent: list[Mapping[str, Any]] = []

    async def receive(self) -> Mapping[str, Any]:
        return self.unread.pop(0) if self.unread else {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)

    async def answer(self, application: Webhooks) -> Answer:
        await application(self.scope, self.receive, self.send)
        start, body = self.sent
        assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
        return Answer(start["status"], body["body"])


async def site(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(f"{scope['path']} is no page of the site")


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """One thread; it gives its connection back at the end."""
    with ThreadPoolExecutor(1) as pool:
        yield pool
        pool.submit(connections.close_all)


type Make = Callable[[View], Webhooks]


@pytest.fixture
def only(thread: ThreadPoolExecutor) -> Make:
    """Makes an application of one view."""
    return lambda view: Webhooks(site, {PATH: view}, thread)


async def test_other_paths_are_left_to_the_site(thread: ThreadPoolExecutor) -> None:
    asked = []

    async def remember(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope.get("path", scope["type"]))

    application = Webhooks(remember, {PATH: lambda request: HttpResponse()}, thread)
    for scope in ({"type": "http", "path": PATH + "/"}, {"type": "http", "path": "/admin/"}, {"type": "lifespan"}):
        await application(scope, Sender().receive, Sender().send)

    assert asked == [PATH + "/", "/admin/", "lifespan"]


async def test_a_view_gets_the_whole_body_the_headers_and_the_query(only: Make) -> None:
    def tell(request: HttpRequest) -> HttpResponse:
        told = (request.get_full_path(), request.headers["Authorization"], request.body.decode())
        return HttpResponse(" ".join(told), status=202)

    sender = Sender(b"one, ", b"two", b"", query=b"a=%20b", authorization="me")

    assert await sender.answer(only(tell)) == (202, f"{PATH}?a=%20b me one, two".encode())


async def test_the_time_of_an_answer_is_measured_by_source(thread: ThreadPoolExecutor) -> None:
    before = _measured("livekit")
    application = Webhooks(site, {WEBHOOK_PATH: lambda request: HttpResponse()}, thread)

    await Sender(b"", path=WEBHOOK_PATH).answer(application)

    assert _measured("livekit") == before + 1


def _measured(source: str) -> float:
    """How many answers were measured; asked of this metric alone, since others ask the database."""
    samples = [sample for metric in webhook_seconds.collect() for sample in metric.samples]
    return next(each.value for each in samples if each.name.endswith("_count") and each.labels["source"] == source)


async def test_a_query_that_is_no_text_is_refused(only: Make) -> None:
    assert (await Sender(b"", query=b"\xff").answer(only(lambda request: HttpResponse()))).status == 400


async def test_whoever_leaves_before_the_body_is_complete_gets_no_answer(only: Make) -> None:
    sender = Sender(b"half", b"half")
    sender.unread.pop()

    await only(lambda request: HttpResponse("answered"))(sender.scope, sender.receive, sender.send)

    assert sender.sent == []


@pytest.mark.parametrize("path", [WEBHOOK_PATH, "/webhooks/twilio/status"])
async def test_webhooks_are_only_posted(path: str, thread: ThreadPoolExecutor) -> None:
    application = Webhooks(site, {path: resolve(path).func}, thread)

    assert (await Sender(b"", path=path, method="GET").answer(application)).status == 405


async def test_a_view_that_breaks_is_answered_with_500_and_its_thread_continues(only: Make) -> None:
    def break_once(request: HttpRequest) -> HttpResponse:
        if request.body == b"break":
            raise ValueError("broken")
        return HttpResponse("answered")

    application = only(break_once)

    assert (await Sender(b"break").answer(application)).status == 500
    assert (await Sender(b"").answer(application)).body == b"answered"


class Hanging:
    """A view that hangs, as one does that waits for a database which does not answer, until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Semaphore(0), threading.Event()
        self.answered = 0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.begun.release()
        self.let_go.wait()
        self.answered += 1
        return HttpResponse()


async def test_while_the_database_hangs_the_site_is_answered_and_webhooks_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, thread: ThreadPoolExecutor
) -> None:
    monkeypatch.setattr(asgi, "WITHIN_S", 0.2)
    view = Hanging()
    path = "/webhooks/livekit"
    application = Webhooks(site, {path: view}, thread)

    try:
        before = _unavailable()
        answers = await asyncio.gather(*(Sender(b"", path=path).answer(application) for _ in range(3)))
    finally:
        view.let_go.set()
    await asyncio.wrap_future(thread.submit(bool))  # what was left to do is done

    assert [answer.status for answer in answers] == [503] * 3
    assert _unavailable() == before + 3
    assert view.answered == 1  # those that waited for the thread were dropped


def _unavailable() -> float:
    return registry.get_sample_value("callcenter_webhooks_total", {"source": "livekit", "result": "unavailable"}) or 0


def session(request: HttpRequest) -> HttpResponse:
    """The id of the database's process that serves this thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return HttpResponse(str(pid))


@pytest.mark.django_db(transaction=True)
async def test_a_thread_gives_its_connection_back(only: Make, thread: ThreadPoolExecutor) -> None:
    assert (await Sender(b"").answer(only(session))).status == 200

    assert await asyncio.wrap_future(thread.submit(lambda: connection.connection)) is None


@pytest.mark.django_db(transaction=True)
async def test_after_a_restart_of_the_database_the_next_webhook_is_answered(only: Make) -> None:
    application = only(session)
    before = await Sender(b"").answer(application)

    await in_database(_end_session, int(before.body))
    after = await Sender(b"").answer(application)

    assert after.status == 200
    assert after.body != before.body


def _end_session(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.django_db(transaction=True)
async def test_a_webhook_is_stored_and_its_repetition_is_known(thread: ThreadPoolExecutor) -> None:
    application = Webhooks(site, {WEBHOOK_PATH: resolve(WEBHOOK_PATH).func}, thread)
    request = webhook_request("room_started", new_room())

    def sender() -> Sender:
        return Sender(request.body, path=WEBHOOK_PATH, authorization=request.authorization)

    assert await sender().answer(application) == (200, b'{"outcome": "noted"}')
    assert await sender().answer(application) == (200, b'{"outcome": "duplicate"}')
    assert await in_database(WebhookEvent.objects.count) == 1


async def test_what_is_not_signed_is_refused_without_a_database_query(thread: ThreadPoolExecutor) -> None:
    # Without the django_db mark, every query raises.
    application = Webhooks(site, {WEBHOOK_PATH: resolve(WEBHOOK_PATH).func}, thread)

    assert (await Sender(b"{}", path=WEBHOOK_PATH).answer(application)).status == 401
