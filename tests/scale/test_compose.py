"""In containers, the same commands and the same output. `docker` here is a script that writes down how it is called."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.run.scale.__main__ import main

DOCKER = """#!/bin/sh
echo "$*" >>"$DOCKER_LOG"
case "$*" in
info) exit "${NO_ENGINE:-0}" ;;
"compose ps"*) cat "$DOCKER_PS" ;;
"compose exec"*) exit "${CALL_FAILS:-0}" ;;
esac
"""


def container(
    name: str, state: str = "running", health: str = "", code: int = 0, status: str = "Up"
) -> dict[str, object]:
    return {"Name": name, "State": state, "Health": health, "ExitCode": code, "Status": status}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """An engine with one container of each kind; returns what was asked of it."""
    log, listing = tmp_path / "log", tmp_path / "ps.json"
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    names = ("migrate-1", "simulator-1", "web-1", "worker-1")
    running = [container(name, "exited" if name == "migrate-1" else "running", code=0) for name in names]
    listing.write_text("\n".join(map(json.dumps, running)))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_LOG", str(log))
    monkeypatch.setenv("DOCKER_PS", str(listing))
    return lambda: log.read_text().splitlines()


def test_up_scales_the_workers_and_shows_a_tick_for_each_container(
    docker: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "3", "--compose"]) == 0
    assert "compose up --detach --no-recreate --scale worker=3" in docker()
    assert capsys.readouterr().out == "✓ migrate-1    Up\n✓ simulator-1  Up\n✓ web-1        Up\n✓ worker-1     Up\n"


def test_a_container_that_is_not_healthy_has_a_cross(
    docker: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    unhealthy = container("web-1", health="unhealthy", status="Up 2 minutes (unhealthy)")
    Path(os.environ["DOCKER_PS"]).write_text(json.dumps([unhealthy]))  # a list, as older versions write it
    assert main(["status", "--compose"]) == 1
    assert capsys.readouterr().out == "✗ web-1  Up 2 minutes (unhealthy)\n"


def test_nothing_running_is_not_a_success(docker: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    Path(os.environ["DOCKER_PS"]).write_text("")
    assert main(["status", "--compose"]) == 1
    assert "nothing is running" in capsys.readouterr().out


def test_down_lets_the_workers_finish_first(docker: Callable[[], list[str]]) -> None:
    assert main(["down", "--compose"]) == 0
    assert docker()[1:] == ["compose stop worker", "compose down"]


@pytest.mark.parametrize(
    ("fails", "code", "verdict"), [("0", 0, "✓ the test call passed"), ("1", 1, "✗ the test call failed")]
)
def test_the_test_call_is_what_the_caller_says_it_was(
    docker: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fails: str,
    code: int,
    verdict: str,
) -> None:
    monkeypatch.setenv("CALL_FAILS", fails)
    assert main(["test", "--compose"]) == code
    assert verdict in capsys.readouterr().out


def test_without_the_simulator_nobody_is_there_to_call(
    docker: Callable[[], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(os.environ["DOCKER_PS"]).write_text(json.dumps(container("web-1")))
    assert main(["test", "--compose"]) == 2
    assert "COMPOSE_PROFILES=simulator in .env" in capsys.readouterr().err


def test_without_an_engine_it_says_what_to_do(
    docker: Callable[[], list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_ENGINE", "1")
    assert main(["status", "--compose"]) == 2
    assert "start it, or leave out --compose" in capsys.readouterr().err
