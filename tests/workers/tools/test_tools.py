"""A persona's tools over real https, and how their failures reach the model as words."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agents.tools.definitions import ToolSpec
from tests.workers.tools.certificates import make_certificate
from tools.local.ports import LOOPBACK
from workers.tools import tool_service

SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"order": value}
    return value


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A certificate for the loopback address that this process trusts."""
    path = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    tool_service.trusted_certificates.cache_clear()
    yield path
    tool_service.trusted_certificates.cache_clear()


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
        return (await tool_service.call(tool, arguments or {"order": "17"})).told


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
        return web.Response(body=b"x" * (tool_service.MAX_ANSWER_BYTES + 1))

    assert "more than 64 KiB" in (await _call(certificate, answer))["error"]


async def test_arguments_that_do_not_fit_the_schema_are_not_sent(certificate: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        raise AssertionError("asked")

    assert '"order" is a required property' in (await _call(certificate, answer, name="Ann"))["error"]


async def test_an_untrusted_certificate_is_refused(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tool_service.trusted_certificates.cache_clear()

    async def answer(_: web.Request) -> web.Response:
        raise AssertionError("asked")

    assert "could not be reached" in (await _call(certificate, answer))["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["17"],
        "17",
        None,
        {"order": float("nan")},
        {"order": "17\0"},
        {"order": "17\ud800"},
        {"order": 10**5000},
        _nested(100),
        _nested(3000),
    ],
    ids=["list", "text", "none", "nan", "nul", "surrogate", "digits", "nested", "nested deeply"],
)
async def test_arguments_that_are_no_json_object_are_a_result_in_words(certificate: Path, arguments: Any) -> None:
    async def answer(_: web.Request) -> web.Response:
        raise AssertionError("asked")

    async with _service(certificate, answer) as tool:
        result = (await tool_service.call(replace(tool, parameters={"type": "object"}), arguments)).told
    assert result["error"].startswith("the arguments do not fit: ")


@pytest.mark.parametrize(
    "order",
    [
        {"$ref": "https://{address}/schema.json"},
        {"$ref": "#/nowhere"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "#"},
        {"pattern": "(?=a)"},
        {"type": "text"},
    ],
    ids=lambda order: next(iter(order.values())),
)
async def test_a_schema_that_was_published_before_it_was_refused_is_a_result_in_words(
    certificate: Path, order: dict[str, Any]
) -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({})

    async with _service(certificate, answer) as tool:
        address = tool.url.split("/")[2]
        published = json.loads(json.dumps(order).replace("{address}", address))
        parameters = {"type": "object", "properties": {"order": published}}
        result = (await tool_service.call(replace(tool, parameters=parameters), {"order": "17"})).told
    assert result["error"].startswith("the tool's description of its arguments cannot be used: ")
    assert asked == []


async def test_what_a_caller_said_is_not_in_the_reason_that_is_stored(certificate: Path) -> None:
    parameters = {"type": "object", "properties": {"order": {"type": "string", "pattern": "^[0-9]+$"}}}

    async def answer(_: web.Request) -> web.Response:
        raise AssertionError("asked")

    async with _service(certificate, answer) as tool:
        result = (await tool_service.call(replace(tool, parameters=parameters), {"order": "card 4242"})).told
    assert result == {"error": 'the arguments do not fit: order: the value does not match "^[0-9]+$"'}


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (b'{"left": NaN}', {"result": '{"left": NaN}'}),
        (b'{"left": -Infinity}', {"result": '{"left": -Infinity}'}),
        (b'{"note": "a\\u0000b\\ud800"}', {"result": {"note": "a\ufffdb\ufffd"}}),
        (b"a\0b", {"result": "a\ufffdb"}),
        (b"[" * 60_000, {"error": tool_service.TOO_DEEP}),
        (b"[" * 3000 + b"]" * 3000, {"error": tool_service.TOO_DEEP}),
        (b"9" * 5000, {"result": "9" * 5000}),
    ],
    ids=["nan", "infinity", "nul in json", "nul", "60,000 brackets", "3,000 levels", "digits"],
)
async def test_an_answer_that_json_or_the_database_would_not_take_is_a_result_all_the_same(
    certificate: Path, body: bytes, result: dict[str, Any]
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    assert await _call(certificate, answer) == result
