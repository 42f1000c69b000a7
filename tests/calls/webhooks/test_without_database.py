"""API and pages say that the database is away, whether it goes before or after it is known who asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection
from django.test import Client

from access.models import ApiToken
from calls.reporting.overview import overview
from tests.factories import client_of, make_user

AWAY = {"detail": "The database is not available: try again."}


@pytest.fixture
def program() -> Iterator[Client]:
    """A program that shows a token, and for which nobody has looked up anything before."""
    _, token = ApiToken.objects.create(
        user=make_user(is_superuser=True), name="test", scope="admin", expiry=timedelta(days=1)
    )
    overview.forget()
    yield Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)
    overview.forget()


@contextmanager
def no_database() -> Iterator[None]:
    """No server where the settings say that it is."""
    connection.close()
    settings, host = connection.settings_dict, connection.settings_dict["HOST"]
    pool = settings["OPTIONS"].pop("pool", None)
    try:
        settings["HOST"] = "/nowhere"
        yield
    finally:
        connection.close()
        settings["HOST"] = host
        settings["OPTIONS"]["pool"] = pool


def failing(error: type[Exception]) -> Callable[..., Any]:
    """Fails the queries about calls, and lets those about tokens and users pass."""

    def execute(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "calls_" in sql:
            raise error("it failed")
        return run(sql, *rest)

    return execute


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/stats", "/api/calls", "/api/turns", "/api/numbers"])
def test_without_a_database_every_answer_is_a_503_in_json(program: Client, path: str) -> None:
    with no_database():
        response = program.get(path)

    assert (response.status_code, response.json()) == (503, AWAY)
    assert program.get(path).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_call_cannot_be_placed_without_a_database(program: Client) -> None:
    with no_database():
        response = program.post("/api/calls", {"to": "+12025550100"}, "application/json")

    assert (response.status_code, response.json()) == (503, AWAY)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/admin/", "/admin/calls/call/", "/stats"])
def test_a_browser_is_told_to_try_again(path: str) -> None:
    browser = client_of(superuser=True)
    browser.raise_request_exception = False
    overview.forget()
    with no_database():
        response = browser.get(path)

    assert (response.status_code, response.content) == (503, b"The database is not available: try again.\n")


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_goes_after_the_token_was_read_is_told_too(program: Client, error: type[DatabaseError]) -> None:
    with connection.execute_wrapper(failing(error)):
        response = program.get("/stats")

    assert (response.status_code, response.json()) == (503, AWAY)


@pytest.mark.django_db
def test_what_the_database_refuses_is_a_fault_of_ours(program: Client) -> None:
    with connection.execute_wrapper(failing(IntegrityError)):
        assert program.get("/stats").status_code == 500
