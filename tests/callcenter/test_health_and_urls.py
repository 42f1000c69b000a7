"""Liveness, and where the URLs lead."""

import pytest
from django.conf import settings
from django.test import AsyncClient, Client
from pytest_django import Settings

from tests.factories import make_user


def test_health_needs_no_database(client: Client) -> None:
    # Without the django_db mark, every query raises.
    response = client.get("/health")

    assert (response.status_code, response.json()) == (200, {"status": "ok", "version": settings.VERSION})


async def test_health_answers_over_asgi(async_client: AsyncClient) -> None:
    response = await async_client.get("/health", headers={"Host": "10.0.3.17:8080"})

    assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_health_is_not_redirected_to_https(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/health").status_code == 200
    assert client.get("/").status_code == 301


@pytest.mark.parametrize("host", ["10.0.3.17:8080", "web.internal"])
def test_health_answers_probes_that_do_not_know_the_site_by_its_name(host: str, client: Client) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


def test_other_pages_refuse_a_host_that_is_not_ours(client: Client) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_the_first_page_is_the_admin(client: Client) -> None:
    response = client.get("/")

    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")


@pytest.mark.django_db
def test_a_login_without_a_page_to_go_back_to_leads_to_the_dashboard() -> None:
    make_user("anna", is_staff=True, password="correct horse")

    response = Client().post("/admin/login/", {"username": "anna", "password": "correct horse"})

    assert (response.status_code, response["Location"]) == (302, "/admin/")
