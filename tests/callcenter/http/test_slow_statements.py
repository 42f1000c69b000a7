"""Nothing that somebody asks of a page keeps PostgreSQL busy for longer than people wait."""

import os
import subprocess
import sys
from typing import Any

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
from tests.services import INSTANCE
from tools.local import ROOT

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


SHOW = """
import django
django.setup()
from django.db import connection
for name in ("statement_timeout", "idle_in_transaction_session_timeout", "tcp_user_timeout", "tcp_keepalives_idle"):
    with connection.cursor() as cursor:
        cursor.execute("SHOW " + name)
        print(*cursor.fetchone())
"""


def sessions_of(options: str) -> list[str]:
    """What PostgreSQL is told by a process with these PGOPTIONS."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "callcenter.settings",
        "DATABASE_URL": INSTANCE.database_url,
        "PGOPTIONS": options,
    }
    done = subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_web_process_tells_postgresql_how_long_and_every_process_that_it_may_be_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: None)
    monkeypatch.setattr("sys.argv", ["web"])
    web.main()

    assert sessions_of(os.environ.pop("PGOPTIONS")) == ["10s", "10s", "10000", "5"]
    assert sessions_of("") == ["0", "10s", "10000", "5"]
