"""Fixtures for all tests; those of the services are in tests/services.py."""

from typing import Any

import pytest
from servestatic.middleware import ServeStaticMiddleware

from tests import matrix
from tools.local import Instance


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    matrix.mark_long(items)
    matrix.put_breaking_last(items)


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


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: Instance) -> None:
    """pytest-django asks for this before it makes the test database: the moment to have a server."""
