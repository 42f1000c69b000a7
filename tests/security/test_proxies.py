"""Whom the web process believes about who asks: nobody, unless a proxy is trusted by setting. By the real process."""

import os
from base64 import b64encode
from collections.abc import Iterator

import pytest
from axes.models import AccessAttempt
from django.test import Client
from pytest_django import Settings

from tests.callcenter.test_checks import problems
from tests.factories import make_user
from tests.product.stack import Stack, eventually
from tests.security.input.sockets import answer_to
from tools.local.ports import LOOPBACK
from tools.measure.world import answers

SOMEWHERE = "192.0.2.7"
WRONG = b64encode(b"anna:wrong").decode()


@pytest.fixture
def web(transactional_db: None) -> Iterator[Stack]:
    """Stops the web process that the test starts."""
    stack = Stack()
    yield stack
    stack.stop()


def start(stack: Stack, **environment: str) -> int:
    """Start the web process, and return its port."""
    port = int(os.environ["WEB_PORT"])
    stack.start_web(**environment)
    eventually(lambda: answers(f"http://{LOOPBACK}:{port}/health"), "web", timeout_s=180.0)
    return port


def guess(port: int, **headers: str) -> int:
    """Try a wrong password for the API, with further headers."""
    given = {"Host": "localhost", "Authorization": f"Basic {WRONG}", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return answer_to(port, "\r\n".join(["GET /api/calls/ HTTP/1.1", *lines, "", ""]).encode())[0]


def test_without_trusted_proxies_a_header_changes_no_address(web: Stack) -> None:
    make_user("anna", "calls.view_call", password="right")
    port = start(web)

    for number in range(3):
        assert guess(port, X_Forwarded_For=f"192.0.2.{number}") == 401

    [attempt] = AccessAttempt.objects.all()
    assert (attempt.ip_address, attempt.failures_since_start) == (LOOPBACK, 3)


def test_a_trusted_proxy_names_the_address_and_the_scheme(web: Stack) -> None:
    make_user("anna", "calls.view_call", password="right")
    port = start(web, TRUSTED_PROXIES="127.0.0.0/8", PUBLIC_BASE_URL="https://localhost")

    assert guess(port, X_Forwarded_For=SOMEWHERE) == 301
    # What stands before the address that the proxy has added was sent by the client.
    assert guess(port, X_Forwarded_For=f"10.9.9.9, {SOMEWHERE}", X_Forwarded_Proto="https") == 401

    assert [attempt.ip_address for attempt in AccessAttempt.objects.all()] == [SOMEWHERE]


def test_a_header_makes_no_request_a_secure_one(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    response = Client(headers={"X-Forwarded-Proto": "https"}).get("/admin/login/")

    assert (response.status_code, response.headers["Location"]) == (301, "https://testserver/admin/login/")


@pytest.mark.parametrize("network", ["proxy", "10.0.3.1/24", "*", "0.0.0.0/0", "::/0"])
def test_a_proxy_that_is_no_network_or_everybody_is_named(network: str, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.7.0/24", network]

    [(message, hint)] = problems()

    assert message.startswith(f"TRUSTED_PROXIES: {network} ")
    assert "10.0.3.0/24" in hint


def test_https_needs_a_proxy_that_is_trusted(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://calls.example.com"
    settings.LIVEKIT_PUBLIC_URL = "wss://calls.example.com"

    [(message, hint)] = problems()

    assert message == "PUBLIC_BASE_URL is https, but TRUSTED_PROXIES is empty."
    assert "TRUSTED_PROXIES" in hint
