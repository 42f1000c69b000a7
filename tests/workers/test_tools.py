"""A persona's tools over real https, and how their failures reach the model as words."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agents.tools import ToolSpec
from tests.workers.certificates import make_certificate
from tools.local.ports import LOOPBACK
from workers import tools

SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A certificate for the loopback address that this process trusts."""
    path = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    tools.trusted_certificates.cache_clear()
    yield path
    tools.trusted_certificates.cache_clear()


@asynccontextmanager
async def _service(certificate: Path, answer: Answer, timeout_s: float = 5.0) -> AsyncIterator[ToolSpec]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_post("/orders", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield ToolSpec("find_order", "Finds an order.", SCHEMA, f"https://{LOOPBACK}:{port}/orders", timeout_s)
    finally:
        await runner.cleanup()


async def _call(certificate: Path, answer: Answer, timeout_s: float = 5.0, **arguments: Any) -> dict[str, Any]:
    async with _service(certificate, answer, timeout_s) as tool:
        return await tools.call(tool, arguments or {"order": "17"})


async def test_the_arguments_are_posted_as_json_and_the_answer_is_the_result(certificate: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"asked": await request.json(), "status": "sent"})

    assert await _call(certificate, answer) == {"result": {"asked": {"order": "17"}, "status": "sent"}}


async def test_an_answer_that_is_not_json_is_passed_on_as_text(certificate: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="on its way")

    assert await _call(certificate, answer) == {"result": "on its way"}


async def test_a_service_that_hangs_is_given_up_at_its_deadline(certificate: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    assert "did not answer within 0.5 seconds" in (await _call(certificate, answer, timeout_s=0.5))["error"]


async def test_an_error_status_is_an_error(certificate: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=500)

    assert "status 500" in (await _call(certificate, answer))["error"]


async def test_a_redirect_is_not_followed(certificate: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1/private"})

    assert "status 302" in (await _call(certificate, answer))["error"]


async def test_an_answer_that_is_too_long_is_refused(certificate: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * (tools.MAX_ANSWER_BYTES + 1))

    assert "more than 64 KiB" in (await _call(certificate, answer))["error"]


async def test_arguments_that_do_not_fit_the_schema_are_not_sent(certificate: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        raise AssertionError("asked")

    assert "'order' is a required property" in (await _call(certificate, answer, name="Ann"))["error"]


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tools.trusted_certificates.cache_clear()

    async def answer(_: web.Request) -> web.Response:
        raise AssertionError("asked")

    assert "could not be reached" in (await _call(certificate, answer))["error"]
