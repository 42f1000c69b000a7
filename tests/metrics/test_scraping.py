"""Who may read metrics, and that Prometheus reaches them as it comes: by address, without TLS."""

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as configured
from django.db import connections
from django.test import AsyncClient, Client
from pytest_django import Settings

from tests.metrics.samples import value

pytestmark = pytest.mark.django_db


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_token_opens_the_metrics(client: Client) -> None:
    response = client.get("/metrics", headers=bearer(configured.METRICS_TOKEN))

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = response.content.decode()
    assert value(text, "callcenter_calls_active") == 0
    assert value(text, "process_resident_memory_bytes") is not None
    assert "django_http_requests_before_middlewares_total" in text


@pytest.mark.parametrize(
    "authorization", ["", "Bearer wrong", "Bearer ", "Bearer \N{SNOWMAN}".encode().decode("latin-1"), "Basic YTpi"]
)
def test_whoever_has_no_token_is_refused(authorization: str, client: Client) -> None:
    response = client.get("/metrics", headers={"Authorization": authorization})

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "callcenter_" not in response.content.decode()


def test_without_a_token_in_the_settings_no_token_is_the_right_one(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers=bearer("")).status_code == 401


def test_an_allowed_network_needs_no_token(client: Client, settings: Settings) -> None:
    settings.METRICS_ALLOWED_NETWORKS = ["10.0.3.0/24", "fd00::/8"]

    assert client.get("/metrics", REMOTE_ADDR="10.0.3.17").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="fd00::5").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.0.4.17").status_code == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_a_network_does_not_open_them_to_who_comes_through_a_proxy(
    header: str, client: Client, settings: Settings
) -> None:
    settings.METRICS_ALLOWED_NETWORKS = ["127.0.0.0/8"]

    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 401


def test_prometheus_is_neither_redirected_nor_asked_for_the_name_of_the_site(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    headers = {**bearer(configured.METRICS_TOKEN), "Host": "10.0.3.17:8080"}
    assert client.get("/metrics", headers=headers).status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_metrics_are_answered_over_asgi(async_client: AsyncClient) -> None:
    response = await async_client.get("/metrics", headers=bearer(configured.METRICS_TOKEN))
    await sync_to_async(connections.close_all)()  # of the thread in which the view ran

    assert response.status_code == 200
    assert value(response.content.decode(), "callcenter_dependency_up", dependency="postgresql") == 1


def test_only_reading_is_answered(client: Client) -> None:
    assert client.post("/metrics", headers=bearer(configured.METRICS_TOKEN)).status_code == 405
