"""A real Prometheus, as `tools/local` configures it, reaches web and workers and answers every query."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from calls.models import Heartbeat
from calls.states import Status
from tests.factories import make_call
from tests.metrics.monitoring.provisioned import RULES, promql
from tests.product.stack import eventually
from tests.services import INSTANCE
from tools.local import Prometheus
from tools.local.ports import LOOPBACK, free_ports
from workers.process.metrics_server import MetricsServer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Prometheus.is_installed(), reason="Prometheus is not installed"),
]


@pytest.fixture
def workers(tmp_path: Path, settings: Settings) -> Iterator[list[MetricsServer]]:
    """What two workers would show."""
    settings.METRICS_DIR = str(tmp_path / "metrics")
    settings.METRICS_HOST = LOOPBACK
    [settings.METRICS_PORT] = free_ports(1)
    servers = [MetricsServer(), MetricsServer()]
    for server in servers:
        server.start()
        assert server._file is not None
        server._file = server._file.rename(tmp_path / f"metrics/{server.port}.json")  # they are one process here
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def prometheus(live_server: LiveServer, workers: list[MetricsServer], tmp_path: Path) -> Iterator[Prometheus]:
    [port] = free_ports(1)
    web_port = int(live_server.url.rsplit(":", 1)[1])
    service = Prometheus(replace(INSTANCE, prometheus_port=port, web_port=web_port, metrics_dir=tmp_path / "metrics"))
    service.start()
    yield service
    service.stop()


def query(prometheus: Prometheus, expression: str) -> list[dict[str, Any]]:
    """The result of a PromQL expression now."""
    url = f"{prometheus.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  our own server
        answer = json.loads(response.read())
    assert answer["status"] == "success", expression
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def test_prometheus_reaches_every_process_and_answers_every_query(prometheus: Prometheus) -> None:
    for holder in ("a:1", "b:1"):
        Heartbeat.objects.create(holder=holder, slots=10)
        for _ in range(3):
            make_call(Status.IN_PROGRESS, lease_holder=holder)

    def reached() -> bool:
        jobs = sorted(found["metric"]["job"] for found in query(prometheus, "up == 1"))
        return jobs == ["prometheus", "web", "worker", "worker"]

    def counted() -> bool:
        Heartbeat.objects.update(seen_at=Now())
        return [found["value"][1] for found in query(prometheus, "callcenter:slots_free")] == ["14"]

    eventually(reached, "targets that are up")
    eventually(counted, "what a rule makes of the database's numbers")
    for _, expression in promql():
        query(prometheus, expression)
    for rule in RULES:
        query(prometheus, rule["expr"])


def test_with_a_wrong_token_prometheus_sees_nothing(prometheus: Prometheus, settings: Settings) -> None:
    settings.METRICS_TOKEN = "another"

    def refused() -> bool:
        jobs = sorted(found["metric"]["job"] for found in query(prometheus, "up == 0"))
        return jobs == ["web", "worker", "worker"]

    eventually(refused, "targets that are down")
