"""Not all of the database's connections are people's: who comes when too many are at work waits, and not for long."""

import asyncio
from typing import Any

import pytest

from callcenter.http.at_once import AtOnce, always_allowed


class Site:
    """Answers once it may, and counts who is in it."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.inside = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.inside += 1
        await self.may_answer.wait()
        self.inside -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def ask(application: AtOnce, path: str = "/admin/") -> int:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    await application({"type": "http", "path": path}, receive, send)
    return int(sent[0]["status"])


async def test_whom_there_is_no_room_for_waits_until_somebody_is_done() -> None:
    site = Site()
    application = AtOnce(site, 2, always=())
    asking = [asyncio.create_task(ask(application)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert site.inside == 2

    site.may_answer.set()

    assert await asyncio.gather(*asking) == [200] * 5


async def test_who_waits_too_long_is_told_to_try_again() -> None:
    site = Site()
    application = AtOnce(site, 1, always=(), waits_s=0.01)
    asking = asyncio.create_task(ask(application))
    await asyncio.sleep(0)

    assert await ask(application) == 503
    site.may_answer.set()
    assert await asking == 200
    assert await ask(application) == 200


async def test_probes_and_static_files_do_not_wait() -> None:
    site = Site()
    application = AtOnce(site, 1, always={"/health", "/health/ready", "/static/a.js"})
    asking = [asyncio.create_task(ask(application, path)) for path in ("/admin/", "/health/ready", "/static/a.js")]
    await asyncio.sleep(0.01)
    assert site.inside == 3

    site.may_answer.set()
    assert await asyncio.gather(*asking) == [200] * 3


@pytest.mark.parametrize("path", ["/static/nothing.css", "/static/../admin/", "/static/", "/healthx", "/metricsx/"])
async def test_what_only_begins_like_them_waits(path: str) -> None:
    assert await ask(AtOnce(Site(), 0, always=always_allowed(), waits_s=0.01), path) == 503


def test_every_static_file_of_the_site_passes() -> None:
    passing = always_allowed()
    assert {"/health", "/health/ready", "/metrics", "/static/callcenter/admin.css", "/static/agents/voice.js"} < passing


async def test_an_event_stream_counts_only_until_it_begins() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def stream(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"Content-Type", b"text/event-stream")] if scope["path"] == "/stream/" else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] == "/stream/":
            begun.set()
            await may_end.wait()

    application = AtOnce(stream, 1, always=(), waits_s=0.01)
    streaming = asyncio.create_task(ask(application, "/stream/"))
    await begun.wait()

    assert await ask(application) == 200

    may_end.set()
    assert await streaming == 200
    assert await ask(application) == 200
