"""Nothing that somebody asks of a page keeps PostgreSQL busy for longer than people wait."""

import os
from typing import Any

import psycopg
import pytest
import uvicorn
from django.db import connection
from django.test import Client
from rest_framework.request import Request

from callcenter import web
from callcenter.http.unavailable import TOO_SLOW
from calls.admin.call import CallAdmin
from calls.api.views import CallViewSet
from tests.factories import client_of

pytestmark = pytest.mark.django_db(transaction=True)


def _search_for_ever(*_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 10")
        try:
            cursor.execute("SELECT pg_sleep(60)")
        finally:
            cursor.execute("RESET statement_timeout")


@pytest.fixture
def client() -> Client:
    client = client_of(superuser=True)
    client.raise_request_exception = False
    return client


def test_a_page_that_takes_the_database_too_long_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CallAdmin, "get_search_results", _search_for_ever)

    answer = client.get("/admin/calls/call/?q=a")

    assert (answer.status_code, answer.content.decode()) == (503, TOO_SLOW + "\n")


def test_so_does_the_api(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_(self: CallViewSet, request: Request) -> None:
        _search_for_ever()

    monkeypatch.setattr(CallViewSet, "list", list_)

    answer = client.get("/api/calls")

    assert (answer.status_code, answer.json()) == (503, {"detail": TOO_SLOW})


def test_the_web_process_tells_postgresql_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: None)
    monkeypatch.setattr("sys.argv", ["web"])
    web.main()
    options = os.environ.pop("PGOPTIONS")

    monkeypatch.setenv("PGOPTIONS", options)
    pool: Any = connection.pool  # type: ignore[attr-defined]  # of the PostgreSQL backend
    with psycopg.connect(pool.conninfo, **pool.kwargs) as new:
        assert new.execute("SHOW statement_timeout").fetchone() == ("10s",)
