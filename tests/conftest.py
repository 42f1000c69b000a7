"""Fixtures for all tests; those of the services are in tests/services.py."""

import pytest

from tools.local import Instance


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: Instance) -> None:
    """pytest-django asks for this before it makes the test database: the moment to have a server."""
