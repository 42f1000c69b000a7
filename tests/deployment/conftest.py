import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployment import composing
from tools.local import ROOT
from tools.setup import environment


@pytest.fixture(scope="session")
def values() -> dict[str, str]:
    """A .env as scripts/setup makes it."""
    return environment.from_template(ROOT / "env.template")


@pytest.fixture(scope="session")
def base(values: dict[str, str]) -> dict[str, Any]:
    """compose.yaml by itself."""
    return composing.project(values, composing.BASE)


@pytest.fixture(scope="session")
def production(values: dict[str, str]) -> dict[str, Any]:
    """compose.yaml with compose.prod.yaml."""
    return composing.project(values, composing.BASE, composing.PRODUCTION)


@pytest.fixture(autouse=True)
def _schemas_without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
