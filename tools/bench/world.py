"""What all contenders share: one LiveKit server and one simulator of the providers, private and on free ports."""

import fcntl
import json
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

from tools.bench.errors import BenchError
from tools.local import ROOT, Instance, LiveKit, Postgres, RabbitMQ, Redis
from tools.local.apart import environment_apart
from tools.local.ports import LOOPBACK, free_ports
from tools.local.process import Daemon

BENCH_DIR = ROOT / ".local/bench"
BIN = Path(sys.executable).parent
START_WITHIN_S = 90.0


@dataclass(frozen=True)
class World:
    """The instance of the private services, and the environment that every process of the benchmark gets."""

    instance: Instance
    environment: Mapping[str, str]

    @property
    def log_dir(self) -> Path:
        return BENCH_DIR / "logs"

    @property
    def simulator_url(self) -> str:
        return f"http://{LOOPBACK}:{self.environment['SIMULATOR_PORT']}"

    @property
    def web_url(self) -> str:
        return f"http://{LOOPBACK}:{self.instance.web_port}"

    def outside(self) -> dict[str, list[int]]:
        """Root processes that are no contender's: the LiveKit server and the simulator."""
        daemons = {"sfu": LiveKit(self.instance).daemon(), "simulator": self.simulator()}
        return {name: [pid] for name, daemon in daemons.items() if (pid := daemon.pid()) is not None}

    def simulator(self) -> Daemon:
        """The simulator of the providers: scripted speech; its delays are set while it runs."""
        return self.python("simulator", "-m", "simulator", "--speech", "scripted", "--profile", "none")

    def process(self, name: str, *command: str, **environment: str) -> Daemon:
        """A process of the benchmark, not started yet; its log is .local/bench/logs/<name>.log."""
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

    def control(self, path: str, body: Mapping[str, Any]) -> None:
        """Change the simulator: PUT /control/<path>."""
        request = urllib.request.Request(  # noqa: S310  our own simulator
            f"{self.simulator_url}/control/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer.read()


@contextmanager
def shared_world(*, media: bool = True) -> Iterator[World]:
    """Start LiveKit and the simulator (without `media`, LiveKit alone); stop and delete everything at the end.

    Raises BenchError when another benchmark runs in this checkout.
    """
    BENCH_DIR.mkdir(parents=True, exist_ok=True)
    with (BENCH_DIR / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BenchError("another benchmark runs in this checkout: wait until it has ended") from error
        world = _make_world()
        _remove(world.instance)  # what a benchmark left that was killed
        world.instance.state_dir.mkdir(parents=True)
        shutil.rmtree(world.log_dir, ignore_errors=True)
        simulator = world.simulator()
        try:
            Redis(world.instance).start()
            LiveKit(world.instance).start()
            if media:
                simulator.start()
                wait_for(lambda: answers(f"{world.simulator_url}/health"), simulator)
            yield world
        finally:
            simulator.stop()
            _remove(world.instance)


def _make_world() -> World:
    environment = environment_apart() | {"MAX_CONCURRENT_AGENTS": "1000", "PYTHONUNBUFFERED": "1"}
    epmd, dist = free_ports(2)
    # Durable, as in production: what a commit costs is part of the cost of a call.
    instance = Instance.from_environment(environment, state_dir=BENCH_DIR / "state")
    return World(replace(instance, rabbitmq_epmd_port=epmd, rabbitmq_dist_port=dist), environment)


def _remove(instance: Instance) -> None:
    for service in (LiveKit, Redis, RabbitMQ, Postgres):
        service(instance).stop()
    if instance.state_dir.exists():
        for pid_file in instance.state_dir.glob("*.pid"):
            Daemon([], pid_file, instance.log_dir / "left.log", ROOT).stop()
    for folder in {instance.state_dir, instance.data_dir}:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(ready: Callable[[], bool], process: Daemon, within_s: float = START_WITHIN_S) -> None:
    """Return when `ready`. Raises BenchError, with the last line of its log, when the process does not get there."""
    deadline = time.monotonic() + within_s
    while not ready():
        if process.pid() is None or time.monotonic() > deadline:
            raise BenchError(f"{process.log_file.stem} does not start: {process.last_log_line()} ({process.log_file})")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether a server answers there with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  our own processes
            return bool(response.status == 200)
    except OSError:
        return False
