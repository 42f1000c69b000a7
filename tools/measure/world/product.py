"""The product's own processes in a world: web, housekeeping, beat and workers."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tools.errors import ToolError
from tools.local import ROOT, Postgres, RabbitMQ
from tools.local.ports import LOOPBACK
from tools.local.process import Daemon
from tools.measure.world.world import BIN, World, answers, wait_for


@dataclass
class Product:
    """`prepare` once; `start` returns when calls can be taken; `stop` leaves none of the processes."""

    world: World
    worker_count: int = 1
    slots: int = 10
    worker_environment: dict[str, str] = field(default_factory=dict)
    environment_of: Callable[[str], Mapping[str, str]] = field(default=lambda _name: {})
    """What the worker of this name gets besides."""
    workers: list[Daemon] = field(default_factory=list)
    """Those that are meant to run now."""
    _started: int = 0

    def __post_init__(self) -> None:
        port = str(self.world.instance.web_port)
        web = ("-m", "callcenter.web", "--host", LOOPBACK, "--port", port)
        beat = ("-A", "callcenter", "beat", "--scheduler", "callcenter.celery_adapters.scheduler:SteadyScheduler")
        self.web = self.world.process("web", str(BIN / "python"), *web)
        self.housekeeping = self._celery_worker("housekeeping", 2, "-I", "calls.tasks", "-Q", "housekeeping")
        self.beat = self.world.process("beat", str(BIN / "celery"), *beat)

    def prepare(self, seed_module: str) -> None:
        """Start PostgreSQL and RabbitMQ, and fill the database with the tables and what `seed_module` writes."""
        instance = self.world.instance
        with ThreadPoolExecutor() as beside:
            rabbitmq = beside.submit(RabbitMQ(instance).start)
            Postgres(instance).start()
            for arguments in (("manage.py", "migrate", "--no-input"), ("-m", seed_module)):
                self._run_once(*arguments)
            rabbitmq.result()

    def start(self) -> None:
        """Start every process and wait until all of them are ready."""
        for process in (self.web, self.housekeeping, self.beat):
            process.log_file.unlink(missing_ok=True)
            process.start()
        workers = [self.begin_worker() for _ in range(self.worker_count)]
        self.wait_for_web()
        for process in (self.housekeeping, *workers):
            self.wait_for_worker(process)

    def stop(self) -> None:
        for process in (*self.workers, self.web, self.housekeeping, self.beat):
            process.stop(patience_s=10.0)
        self.workers.clear()
        self._started = 0

    def begin_worker(self) -> Daemon:
        """Start one more worker; `wait_for_worker` says when it takes calls."""
        self._started += 1
        arguments = ("-I", "workers.tasks", "-Q", "calls")
        name = f"worker{self._started}"
        environment = self.worker_environment | dict(self.environment_of(name))
        process = self._celery_worker(name, self.slots, *arguments, **environment)
        process.log_file.unlink(missing_ok=True)
        process.start()
        self.workers.append(process)
        return process

    def wait_for_worker(self, process: Daemon) -> None:
        """Return when it is ready. Raises ToolError."""
        wait_for(lambda: process.has_logged(" ready."), process)

    def wait_for_web(self) -> None:
        """Return when it answers. Raises ToolError."""
        wait_for(lambda: answers(f"{self.world.web_url}/health"), self.web)

    def _celery_worker(self, name: str, slots: int, *arguments: str, **environment: str) -> Daemon:
        command = ("-A", "callcenter", "worker", *arguments, "--pool", "threads", "--concurrency", str(slots))
        return self.world.process(name, str(BIN / "celery"), *command, "-n", f"{name}@%h", **environment)

    def _run_once(self, *arguments: str) -> None:
        environment = {**os.environ, **self.world.environment}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            raise ToolError(f"{' '.join(arguments)} failed: {done.stderr.decode().strip().splitlines()[-1]}")
