"""What the processes export, and a running product for the tests that scrape it."""

import pytest
from django.test import Client
from prometheus_client import REGISTRY, generate_latest

from calls.reporting import collectors as web_metrics
from tests.metrics.samples import names_of
from tests.product.fixtures import number, quiet, stack, worker
from workers import metrics as worker_metrics

__all__ = ["exported", "number", "quiet", "stack", "worker"]


@pytest.fixture
def exported(client: Client, db: None) -> set[str]:
    """The names of all samples of the web process, after its first request, and of workers."""
    client.get("/")
    return names_of(
        generate_latest(registry).decode() for registry in (REGISTRY, web_metrics.registry, worker_metrics.registry)
    )
