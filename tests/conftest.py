"""Fixtures for all tests; those of the services are in tests/services.py."""

import ssl
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker
from servestatic.middleware import ServeStaticMiddleware

from tests import matrix, tables
from tools.local import Instance
from workers.process import logs  # noqa: F401  before a test imports Pipecat, as workers.tasks does


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    matrix.mark_long(items)  # before `-m` looks at the markers
    yield
    matrix.put_calls_last(items)  # after pytest-django has put tests without a database last


@pytest.fixture(scope="session", autouse=True)
def static_files_are_found_once() -> None:
    """Each of a thousand test clients would look for all static files anew: four times as long as a page takes."""
    find = ServeStaticMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def find_once(self: ServeStaticMiddleware) -> None:
        if not found:
            find(self)
            found.update(self.files)
        self.files.update(found)

    ServeStaticMiddleware.add_files_from_finders = find_once


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> None:
    """Each of httpx's clients would read the certificates of all authorities anew, which takes it 60 ms of CPU time."""
    read = ssl.create_default_context
    of_file = cache(lambda path: read(cafile=path))

    def read_once(*args: Any, **named: Any) -> ssl.SSLContext:
        return of_file(named["cafile"]) if not args and named.keys() == {"cafile"} else read(*args, **named)

    ssl.create_default_context = read_once


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: Instance) -> None:
    """pytest-django asks for this before it makes the test database: the moment to have a server.

    A test keeps its transaction open for as long as it takes.
    """
    connection.settings_dict["OPTIONS"].pop("options")


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Keep the database until its server is deleted: to drop it fails while another process is still connected."""
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, whose tables are as the migrations left them after each test that commits."""
    with django_db_blocker.unblock():
        tables.keep()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: tables.restore())
        yield
