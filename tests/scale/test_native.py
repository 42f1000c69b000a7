"""The whole call center as processes: up, a test call, more workers, down. And what is wrong is said in one line."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.providers import registry
from tests.product.stack import eventually
from tools.local import ROOT, Instance, Service, services
from tools.local.isolated_env import isolated_environment
from tools.local.ports import free_ports
from tools.run.scale import processes
from tools.run.scale.__main__ import main
from tools.run.scale.singles import uses_simulator


class Scale:
    """`scripts/scale.sh` for an installation apart from everything else."""

    def __init__(self, state_dir: Path) -> None:
        rabbitmq, _, _, prometheus = free_ports(4)  # RabbitMQ takes the two ports behind its own, too
        self.state_dir = state_dir
        self.environment = {
            **os.environ,
            **isolated_environment(),
            "RABBITMQ_PORT": str(rabbitmq),
            "PROMETHEUS_PORT": str(prometheus),
            "SPOOL_DIR": str(state_dir / "spool"),
            "METRICS_DIR": str(state_dir / "metrics"),
            "SIMULATOR_SPEECH": "scripted",
            "SIMULATOR_PROFILE": "none",
        }

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        """The exit code and what was printed."""
        command = [sys.executable, "-m", "tools.run.scale", *arguments, "--state", str(self.state_dir)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout.splitlines()

    def kill(self, *names: str) -> tuple[str, ...]:
        """End these processes as the kernel does when memory runs out; return when each has been started again."""
        before = {name: self._pid(name) for name in names}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        for name in names:
            eventually(lambda name=name: self._pid(name) != before[name], f"restart of {name}")  # type: ignore[misc]
        return names

    def _pid(self, name: str) -> int:
        return int((self.state_dir / f"{name}.pid").read_text().split()[0])


@pytest.fixture
def scale() -> Iterator[Scale]:
    scale = Scale(ROOT / f".local/scale-test-{os.getpid()}")
    yield scale
    scale.run("down", "--now")
    instance = Instance.from_environment(scale.environment, state_dir=scale.state_dir)
    for folder in {instance.state_dir, instance.data_dir}:
        shutil.rmtree(folder, ignore_errors=True)


def test_up_test_scale_and_down(scale: Scale) -> None:
    code, shown = scale.run("up", "1")
    assert code == 0, "\n".join(shown)
    for name in ("PostgreSQL", "RabbitMQ", "Redis", "LiveKit", "simulator", "web", "housekeeping", "beat", "flower"):
        assert any(line.startswith(f"✓ {name} ") for line in shown), (name, shown)
    assert any(line.startswith("✓ worker-1 ") and "0 of 10 slots busy" in line for line in shown)

    code, shown = scale.run("test")
    assert (code, shown[-1]) == (0, "✓ the test call passed")

    code, shown = scale.run("up", "2")
    assert code == 0
    assert "==> Workers: worker-2 started" in shown

    code, shown = scale.run("up", "1")
    assert code == 0
    assert "==> Workers: worker-2 draining: no new calls, exit after the current ones" in shown

    killed = scale.kill("web", "worker-1")
    code, shown = scale.run("up", "1")  # waits until all works
    assert code == 0, "\n".join(shown)
    for name in killed:
        [line] = [line for line in shown if line.startswith(f"✓ {name} ")]
        assert line.endswith("; exited once and was restarted")

    code, shown = scale.run("down")
    assert (code, shown[-1]) == (0, "✓ everything is stopped")
    code, shown = scale.run("status")
    assert (code, shown) == (1, ["✗ nothing is running: run scripts/scale.sh up"])


def test_a_test_call_without_a_call_center_says_what_to_do(scale: Scale) -> None:
    assert scale.run("test") == (2, ["scale: the web process is not running: run scripts/scale.sh up"])


def test_a_log_that_does_not_exist_is_named_with_those_that_do(scale: Scale) -> None:
    logs = scale.state_dir / "logs"
    logs.mkdir(parents=True)
    (logs / "web.log").write_text("started\n")
    assert scale.run("logs", "wbe") == (2, ["scale: no log of wbe: there are web"])
    assert scale.run("logs", "web") == (0, ["started"])


def test_a_number_of_workers_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "-3"])
    with pytest.raises(SystemExit):
        main(["up", "many"])
    assert "'many' is not a number from 0 to 9999" in capsys.readouterr().err


def test_the_simulator_runs_only_where_a_provider_is_simulated() -> None:
    environment = isolated_environment()
    assert uses_simulator(environment)
    real = {provider.url_variable: "" for provider in registry.all()} | {
        "OPENAI_BASE_URL": "https://api.example.com/v1"
    }
    assert not uses_simulator(environment | real)


def test_every_process_of_the_procfile_is_supervised() -> None:
    looked_after = {"web", "housekeeping", "beat", "flower", "simulator", "worker"}
    private: list[Service] = services(Instance.from_environment())
    assert set(processes.commands()) == looked_after | {one.name for one in private if one.name == "livekit"}


def test_help_says_what_each_command_does() -> None:
    shown = subprocess.run([ROOT / "scripts/scale.sh", "--help"], capture_output=True, text=True, check=True).stdout
    for action in ("up 3", "status", "test", "logs web", "down"):
        assert f"scripts/scale.sh {action}" in shown
