"""Each worker shows its metrics on a port of its own, and says where."""

import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from tests.metrics.samples import value
from tools.local.ports import LOOPBACK, free_ports
from workers.process.metrics_server import MetricsServer


@pytest.fixture
def directory(tmp_path: Path, settings: Settings) -> Path:
    settings.METRICS_DIR = str(tmp_path / "metrics")
    settings.METRICS_HOST = LOOPBACK
    [settings.METRICS_PORT] = free_ports(1)
    return tmp_path / "metrics"


@pytest.fixture
def server(directory: Path) -> Iterator[MetricsServer]:
    server = MetricsServer()
    server.start()
    yield server
    server.stop()


def get(port: int | None, path: str = "/metrics", token: str = "") -> tuple[int, str]:
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}")  # noqa: S310
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def advertised(directory: Path) -> list[dict[str, Any]]:
    return [entry for file in directory.glob("*.json") for entry in json.loads(file.read_text())]


def test_the_token_opens_the_metrics_of_the_process(server: MetricsServer) -> None:
    status, text = get(server.port, token=configured.METRICS_TOKEN)

    assert status == 200
    assert value(text, "callcenter_worker_calls") == 0
    assert value(text, "process_cpu_seconds_total") is not None
    assert "callcenter_calls_active" not in text  # the web process says that


def test_others_are_refused(server: MetricsServer) -> None:
    assert get(server.port)[0] == 401
    assert get(server.port, token="wrong")[0] == 401
    assert get(server.port, "/anything", configured.METRICS_TOKEN)[0] == 404


def test_an_allowed_network_needs_no_token(server: MetricsServer, settings: Settings) -> None:
    settings.METRICS_ALLOWED_NETWORKS = ["127.0.0.0/8"]

    assert get(server.port)[0] == 200


def test_the_file_tells_prometheus_the_port_and_is_removed_with_the_process(directory: Path) -> None:
    server = MetricsServer()
    server.start()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    assert advertised(directory) == [{"targets": [f"{LOOPBACK}:{server.port}"], "labels": {"worker": worker}}]

    server.stop()
    assert list(directory.iterdir()) == []
    assert server.port is None


def test_a_second_worker_takes_the_next_port(server: MetricsServer, settings: Settings) -> None:
    second = MetricsServer()
    second.start()
    try:
        assert second.port is not None
        assert second.port > settings.METRICS_PORT
        assert get(second.port, token=settings.METRICS_TOKEN)[0] == 200
    finally:
        second.stop()


def test_the_file_of_a_dead_worker_is_deleted_by_the_next_one(directory: Path) -> None:
    directory.mkdir()
    dead = directory / f"{socket.gethostname()}-4194305.json"  # more than Linux gives out
    elsewhere = directory / "another-machine-4194305.json"
    dead.write_text("[]")
    elsewhere.write_text("[]")
    server = MetricsServer()
    server.start()
    server.stop()

    assert not dead.exists()
    assert elsewhere.exists()


def test_no_port_means_no_metrics(directory: Path, settings: Settings) -> None:
    settings.METRICS_PORT = 0
    server = MetricsServer()
    server.start()
    server.stop()

    assert server.port is None
    assert not directory.exists()


def test_a_directory_that_cannot_be_written_stops_nobody(tmp_path: Path, directory: Path, settings: Settings) -> None:
    settings.METRICS_DIR = str(tmp_path / "file/metrics")
    (tmp_path / "file").touch()
    server = MetricsServer()
    server.start()
    try:
        assert get(server.port, token=settings.METRICS_TOKEN)[0] == 200
    finally:
        server.stop()
