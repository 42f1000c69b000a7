"""Flower, started as the Procfile does, shows nothing without a login."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest
from flower.urls import handlers
from honcho.environ import parse_procfile

from tools.local import ROOT
from tools.local.ports import free_ports

LOGIN = ("flower-user", "flower-password")
# Health says OK and nothing else; the pages for logging in and out are for OAuth, which is not used, and show nothing;
# static files are Flower's own.
OPEN = ("/healthcheck", "/static/", "/login", "/logout")


@pytest.fixture(scope="module")
def flower() -> Iterator[str]:
    """Its address. It needs no broker to answer."""
    (port,) = free_ports(1)
    command = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)["flower"]
    environment = {
        **os.environ,
        "FLOWER_PORT": str(port),
        "FLOWER_USERNAME": LOGIN[0],
        "FLOWER_PASSWORD": LOGIN[1],
        "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
    }
    process = subprocess.Popen(["sh", "-c", command], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(process, f"{url}/healthcheck")
        yield url
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    while process.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"Flower ended with code {process.returncode}")


def test_every_page_wants_a_login(flower: str) -> None:
    patterns = [getattr(handler, "regex", None) or re.compile(handler[0]) for handler in handlers]
    paths = {pattern.pattern.rstrip("$").replace("(.+)", "x").replace("(.*)", "x") for pattern in patterns}
    assert "/metrics" in paths
    for path in sorted(paths - {".x"}):
        if path.startswith("/") and not path.startswith(OPEN):
            answers = {httpx.request(method, f"{flower}{path}").status_code for method in ("GET", "POST")}
            assert answers <= {401, 403, 404, 405}, f"{path}: {answers}"


def test_the_metrics_are_there_for_who_logs_in(flower: str) -> None:
    assert httpx.get(f"{flower}/metrics").status_code == 401
    answer = httpx.get(f"{flower}/metrics", auth=LOGIN)
    assert answer.status_code == 200
    assert "# HELP flower_" in answer.text
