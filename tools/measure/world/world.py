"""One LiveKit server and one simulator of the providers, private and on free ports, and what starts processes there."""

import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tools.errors import ToolError
from tools.local import ROOT, Instance, LiveKit, Postgres, RabbitMQ, Redis
from tools.local.isolated_env import isolated_environment
from tools.local.ports import LOOPBACK, free_ports
from tools.local.process import Daemon
from tools.measure.world.control import control

BIN = Path(sys.executable).parent
START_WITHIN_S = 90.0


@dataclass(frozen=True)
class World:
    """The instance of the private services, the environment that every process gets, and where their logs go."""

    instance: Instance
    environment: Mapping[str, str]
    log_dir: Path

    @property
    def simulator_url(self) -> str:
        return f"http://{LOOPBACK}:{self.environment['SIMULATOR_PORT']}"

    @property
    def web_url(self) -> str:
        return f"http://{LOOPBACK}:{self.instance.web_port}"

    @property
    def livekit_url(self) -> str:
        return self.instance.livekit_url

    def outside(self) -> dict[str, list[int]]:
        """Root processes that are not the product's: the LiveKit server and the simulator."""
        daemons = {"sfu": LiveKit(self.instance).daemon(), "simulator": self.simulator()}
        return {name: [pid] for name, daemon in daemons.items() if (pid := daemon.pid()) is not None}

    def simulator(self) -> Daemon:
        """The simulator of the providers: scripted speech; its delays are set while it runs."""
        return self.python("simulator", "-m", "simulator", "--speech", "scripted", "--profile", "none")

    def process(self, name: str, *command: str, **environment: str) -> Daemon:
        """A process of this world, not started yet; its log is <name>.log."""
        return Daemon(
            command=command,
            pid_file=self.instance.state_dir / f"{name}.pid",
            log_file=self.log_dir / f"{name}.log",
            directory=ROOT,
            environment={**os.environ, **self.environment, **environment},
        )

    def python(self, name: str, *arguments: str, **environment: str) -> Daemon:
        """As `process`, for a program of this environment's Python."""
        return self.process(name, sys.executable, *arguments, **environment)

    def control(self, path: str, body: Mapping[str, Any] | None = None, method: str = "PUT") -> None:
        """Change the simulator: /control/<path>."""
        control(self.simulator_url, method, path, body)


@contextmanager
def opened(directory: Path, *, media: bool = True, durable: bool = True) -> Iterator[World]:
    """Start LiveKit and the simulator (without `media`, LiveKit alone); stop and delete everything at the end.

    The state is in <directory>/state, and the logs, which stay, in <directory>/logs. `durable` is the database's safety
    against power cuts. Whoever opens a directory must be the only one. Raises ToolError.
    """
    world = _make_world(directory, durable=durable)
    _remove(world.instance)  # what a run left that was killed
    world.instance.state_dir.mkdir(parents=True)
    shutil.rmtree(world.log_dir, ignore_errors=True)
    simulator = world.simulator()
    try:
        if media:
            simulator.start()
        Redis(world.instance).start()
        LiveKit(world.instance).start()
        if media:
            wait_for(lambda: answers(f"{world.simulator_url}/health"), simulator)
        yield world
    finally:
        simulator.stop()
        _remove(world.instance)


def remove(directory: Path) -> None:
    """Stop and delete what a run left in this directory, logs included."""
    _remove(_make_world(directory, durable=False).instance)
    shutil.rmtree(directory, ignore_errors=True)


def _make_world(directory: Path, *, durable: bool) -> World:
    environment = isolated_environment() | {"MAX_CONCURRENT_AGENTS": "1000", "PYTHONUNBUFFERED": "1"}
    environment["SPOOL_DIR"] = str(directory / "state/spool")
    epmd, dist = free_ports(2)
    instance = Instance.from_environment(environment, state_dir=directory / "state", durable=durable)
    instance = replace(instance, rabbitmq_epmd_port=epmd, rabbitmq_dist_port=dist)
    return World(instance, environment, directory / "logs")


def _remove(instance: Instance) -> None:
    for service in (LiveKit, Redis, RabbitMQ, Postgres):
        service(instance).stop()
    if instance.state_dir.exists():
        for pid_file in instance.state_dir.glob("*.pid"):
            Daemon([], pid_file, instance.log_dir / "left.log", ROOT).stop()
    for folder in {instance.state_dir, instance.data_dir}:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(ready: Callable[[], bool], process: Daemon, within_s: float = START_WITHIN_S) -> None:
    """Return when `ready`. Raises ToolError, with the last line of its log, when the process does not get there."""
    deadline = time.monotonic() + within_s
    while not ready():
        if process.pid() is None or time.monotonic() > deadline:
            log_file = process.log_file
            raise ToolError(f"{log_file.stem} does not start: {process.last_log_line()} (log: {log_file})")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether a server answers there with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  our own processes
            return bool(response.status == 200)
    except OSError:
        return False
