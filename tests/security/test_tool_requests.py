"""What leaves for a tool's service: to public addresses only, signed, and with its secret only where it belongs."""

import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pytest_django import Settings

from agents.tools.definitions import ToolSpec
from common.database import in_database
from tests.security.world import TOOL_SECRET, make_secret
from tests.workers.tools.certificates import make_certificate
from tools.local.ports import LOOPBACK
from workers.tools import tool_requests, tool_service

SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}}
KEY = "a-signing-key-of-more-than-32-characters"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    tool_service.trusted_certificates.cache_clear()
    yield path
    tool_service.trusted_certificates.cache_clear()


class Service:
    """A tool's service on this machine, which keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        return web.json_response({"status": "sent"})

    def tool(self, url: str = "", secret: str = "") -> ToolSpec:
        return ToolSpec("find_order", "Finds an order.", SCHEMA, url or self.url, 5.0, secret)


@pytest.fixture
async def service(certificate: Path) -> AsyncIterator[Service]:
    import ssl

    service = Service()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_post("/orders", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context).start()
    service.url = f"https://{LOOPBACK}:{runner.addresses[0][1]}/orders"
    yield service
    await runner.cleanup()


OUT_OF_REACH = """
127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 192.0.2.1
198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd12::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 2002:7f00:1::
2002:0a00:0001::1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2001:db8::1
"""
THIS_MACHINE = [LOOPBACK, "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f.1"]


@pytest.mark.parametrize("address", OUT_OF_REACH.split())
def test_an_address_that_is_not_public_is_out_of_reach(address: str, settings: Settings) -> None:
    settings.TOOL_ALLOWED_NETWORKS = []

    assert not tool_requests.may_reach(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_a_public_address_is_reached(address: str, settings: Settings) -> None:
    settings.TOOL_ALLOWED_NETWORKS = []

    assert tool_requests.may_reach(address)


def test_a_network_can_be_allowed(settings: Settings) -> None:
    settings.TOOL_ALLOWED_NETWORKS = ["10.0.7.0/24"]

    assert tool_requests.may_reach("10.0.7.9")
    assert not tool_requests.may_reach("10.0.8.9")


@pytest.mark.parametrize("host", THIS_MACHINE)
async def test_no_way_to_write_this_machine_leads_to_it(host: str, service: Service, settings: Settings) -> None:
    settings.TOOL_ALLOWED_NETWORKS = []

    result = (await tool_service.call(service.tool(service.url.replace(LOOPBACK, host)), {})).told

    assert "error" in result
    assert service.requests == []


async def test_a_public_name_with_a_private_address_is_refused(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOOL_ALLOWED_NETWORKS = []
    port = int(service.url.rsplit(":", 1)[1].split("/")[0])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (LOOPBACK, port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    result = (await tool_service.call(service.tool(f"https://orders.example.com:{port}/orders"), {})).told

    assert result == {"error": "the service has no public address, and is in none of TOOL_ALLOWED_NETWORKS"}
    assert service.requests == []


async def test_a_request_is_signed_over_time_address_and_body(service: Service, settings: Settings) -> None:
    settings.TOOL_SIGNING_KEY = KEY

    await tool_service.call(service.tool(), {"order": "siebzehn ü"})

    [(headers, body)] = service.requests
    timestamp = headers["X-Callcenter-Timestamp"]
    expected = hmac.new(KEY.encode(), f"{timestamp}\n{service.url}\n".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Callcenter-Signature"] == f"v1={expected}"
    assert abs(time.time() - int(timestamp)) < 60
    assert json.loads(body) == {"order": "siebzehn ü"}
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("change", [{"url": "https://other.example.com/"}, {"body": b"{}"}, {"now_s": 1_000_001.0}])
def test_another_address_body_or_time_is_another_signature(change: dict[str, Any], settings: Settings) -> None:
    settings.TOOL_SIGNING_KEY = KEY
    plain: dict[str, Any] = {"url": "https://example.com/", "body": b'{"order":"1"}', "now_s": 1_000_000.0}

    assert tool_requests.signature(**plain) == tool_requests.signature(**plain)
    assert (
        tool_requests.signature(**plain)[tool_requests.SIGNATURE]
        != tool_requests.signature(**{**plain, **change})[tool_requests.SIGNATURE]
    )


def test_without_a_key_nothing_is_signed(settings: Settings) -> None:
    settings.TOOL_SIGNING_KEY = ""

    assert tool_requests.signature("https://example.com/", b"{}") == {}


@pytest.mark.django_db(transaction=True)
async def test_a_secret_is_sent_to_its_host(service: Service) -> None:
    await in_database(make_secret, "order_service", LOOPBACK)

    assert (await tool_service.call(service.tool(secret="order_service"), {})).told == {"result": {"status": "sent"}}
    assert service.requests[0][0]["Authorization"] == f"Bearer {TOOL_SECRET}"


@pytest.mark.django_db(transaction=True)
async def test_a_secret_of_another_host_is_not_sent(service: Service) -> None:
    await in_database(make_secret, "order_service", "orders.example.com")

    result = (await tool_service.call(service.tool(secret="order_service"), {})).told

    assert result == {"error": "there is no secret order_service for this host"}
    assert service.requests == []
