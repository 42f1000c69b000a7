"""Exports the metrics of this worker process on a port of its own, and advertises it to Prometheus.

The file is what Prometheus's `file_sd_configs` reads. It is removed with the process; a killed process's file is
deleted by the next worker on the machine.
"""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from django.conf import settings
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, generate_latest
from prometheus_client.exposition import ThreadingWSGIServer

from calls.reporting import scraping
from workers import metrics

log = structlog.get_logger(__name__)

PORTS = 100  # that are tried, from METRICS_PORT on
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  addresses that mean all of the machine's


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a scrape comes every few seconds."""


class MetricsServer:
    """`GET /metrics` in a thread. `start` and `stop` never raise: a call center without metrics still takes calls."""

    def __init__(self) -> None:
        self._server: WSGIServer | None = None
        self._file: Path | None = None

    @property
    def port(self) -> int | None:
        """Where it listens, once it does."""
        return self._server.server_port if self._server else None

    def start(self) -> None:
        """Listen on the first free port from METRICS_PORT on; on none if that is 0."""
        if not settings.METRICS_PORT:
            return
        self._server = _listen(settings.METRICS_HOST, settings.METRICS_PORT)
        if self._server is None:
            log.error("no_port_for_metrics", first=settings.METRICS_PORT, tried=PORTS)
            return
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        try:
            self._file = _advertise(Path(settings.METRICS_DIR), settings.METRICS_HOST, self._server.server_port)
        except OSError as error:
            log.error("metrics_not_advertised", directory=settings.METRICS_DIR, error=str(error))

    def stop(self) -> None:
        """Remove the file, and stop listening."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()
            self._file = None
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _listen(host: str, first: int) -> WSGIServer | None:
    for port in range(first, min(first + PORTS, 65536)):
        with contextlib.suppress(OSError):
            return make_server(host, port, _answer, ThreadingWSGIServer, _Quiet)
    return None


def _answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    forwarded = any(f"HTTP_{header.upper().replace('-', '_')}" in environ for header in scraping.FORWARDED)
    address = environ.get("REMOTE_ADDR", "")
    if environ.get("PATH_INFO") != scraping.PATH:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [f"{scraping.PATH} is the only page\n".encode()]
    if not scraping.may_read(environ.get("HTTP_AUTHORIZATION", ""), address, forwarded=forwarded):
        start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
        return [scraping.REFUSED.encode()]
    start_response("200 OK", [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)])
    return [generate_latest(REGISTRY) + generate_latest(metrics.registry)]


def _advertise(directory: Path, host: str, port: int) -> Path:
    """Write the file of this process, all at once. Raises OSError."""
    name = socket.gethostname()
    directory.mkdir(parents=True, exist_ok=True)
    _forget_dead(directory, name)
    address = name if host in EVERYWHERE else host
    target = [{"targets": [f"{address}:{port}"], "labels": {"worker": f"{name}:{os.getpid()}"}}]
    file = directory / f"{name}-{os.getpid()}.json"
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(target))
    draft.rename(file)
    return file


def _forget_dead(directory: Path, name: str) -> None:
    for file in directory.glob(f"{name}-*.json"):
        pid = file.stem.removeprefix(f"{name}-")
        if pid.isdecimal() and not Path("/proc", pid).exists():
            file.unlink(missing_ok=True)


metrics_server = MetricsServer()
