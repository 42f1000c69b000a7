"""Headers are refused before anything parses them that a stranger's word could stop."""

import asyncio
import json
from typing import Any

import pytest

from callcenter.http.request_headers import COOKIE_BYTES, HEADERS_BYTES, problem
from callcenter.http.request_limits import RequestLimits

USUAL = [
    "",
    "application/json",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/webhook+json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=UTF-8",
    "application/vnd.oai.openapi",
    "multipart/form-data; boundary=----WebKitFormBoundaryAb12Cd34Ef56Gh78",
    "multipart/form-data; boundary=geckoformboundary1f0c5e7a9d3b4f6e8a2c1d0b9e7f5a3c",
    'multipart/form-data; boundary="=_part:1"; charset=utf-8',
    "text/plain;charset=UTF-8",
]
ODD = {
    "60,000 semicolons": 'a/b; x="' + ";" * 60_000,
    "60,000 blanks": "a/b;" + " " * 60_000,
    "an encoded parameter": "a/b; x*=punycode''aaa",
    "an encoding that does not exist": "a/b; x*=nope''y",
    "a slow encoding": "multipart/form-data; boundary=b; charset=punycode",
    "an encoding of bytes": "application/x-www-form-urlencoded; charset=hex",
    "another parameter": "application/json; version=1",
    "a long type": "a/" + "b" * 300,
    "no type": "json",
    "a line break": "a/b\n",
}


@pytest.mark.parametrize("content_type", USUAL)
def test_what_browsers_and_programs_send_is_allowed(content_type: str) -> None:
    assert problem([(b"host", b"localhost"), (b"content-type", content_type.encode()), (b"cookie", b"a=b")]) == ""


@pytest.mark.parametrize("content_type", ODD.values(), ids=ODD)
def test_any_other_content_type_is_refused_and_named(content_type: str) -> None:
    assert problem([(b"content-type", content_type.encode())]).startswith("Content-Type: ")


def test_two_content_types_are_refused() -> None:
    assert problem([(b"content-type", b"application/json")] * 2).startswith("Content-Type: ")


def test_more_cookies_than_a_browser_has_for_us_are_refused() -> None:
    half = b"a" * (COOKIE_BYTES // 2)

    assert problem([(b"cookie", half), (b"cookie", half)]) == ""
    assert problem([(b"cookie", half), (b"cookie", half + b"a")]).startswith("Cookie: ")


def test_more_headers_than_anybody_needs_are_refused() -> None:
    half = b"a" * (HEADERS_BYTES // 2 - 1)

    assert problem([(b"a", half), (b"b", half)]) == ""
    assert problem([(b"a", half), (b"b", half + b"a")]).startswith("headers: ")


async def test_a_refused_request_reaches_no_application() -> None:
    sent: list[Any] = []

    async def application(*_: Any) -> None:
        raise AssertionError("reached")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/health", "headers": [(b"content-type", b"a/b; x*=nope''y")]}
    await RequestLimits(application, 10)(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]  # never awaited

    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["error"].startswith("Content-Type: ")
