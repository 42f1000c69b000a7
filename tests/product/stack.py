"""The product's own processes for tests: web, workers, housekeeping and the simulator, against the test servers.

They are real processes on the test database, so tests that use them need `django_db(transaction=True)`.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings

from calls.models import Call
from calls.states import FINAL
from simulator.caller import CallerEvent, CallerSettings, CallReport, place_call
from simulator.scenario import parse_scenario
from tests.product.forked import Forked
from tests.services import INSTANCE
from tools.local import ROOT
from tools.local.ports import LOOPBACK
from tools.local.process import Daemon
from tools.measure.world import answers
from tools.measure.world.control import control
from tools.setup.environment import read

BIN = Path(sys.executable).parent
SETTINGS = read(ROOT / "env.template").keys()
WAIT_S = 60.0  # for a process to start, or a row to change, on a busy machine


def eventually[T](look: Callable[[], T | None | bool], what: str, timeout_s: float = WAIT_S) -> T:
    """Return what `look` finds, once it finds something; fail naming `what` was waited for."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := look():
            return found  # type: ignore[return-value]  # neither None nor False
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {timeout_s:g} s")


@dataclass
class Process:
    """One process of the product, with its log: from its start, although the file is shared by successive ones."""

    name: str
    daemon: Daemon
    log_begins: int = 0

    @property
    def log(self) -> str:
        return self.daemon.log_file.read_bytes()[self.log_begins :].decode(errors="replace")

    @property
    def pid(self) -> int:
        """Its id while it lives; a test that asks for that of a dead one fails."""
        pid = self.daemon.pid()
        assert pid is not None, f"{self.name} has ended"
        return pid

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, what)

    def kill(self) -> None:
        """End it at once, as the kernel does when memory runs out: nothing is finished or handed over."""
        self.daemon.stop(signal.SIGKILL)


@dataclass
class Stack:
    """The running product. `number` names are E.164; every call is placed by the synthetic caller."""

    processes: list[Process] = field(default_factory=list)

    def start(self, name: str, *command: str, **environment: str) -> Process:
        """Start a process of the product in its own session."""
        log_file = INSTANCE.state_dir / "logs" / f"{name}.log"
        process = Process(name, _daemon(name, command, log_file, environment), _size(log_file))
        process.daemon.start()
        self.processes.append(process)
        return process

    def start_web(self, **environment: str) -> None:
        """Start the web process."""
        port = os.environ["WEB_PORT"]
        self.start("web", "python", "-m", "callcenter.web", "--host", LOOPBACK, "--port", port, **environment)

    def start_simulator(self, speech: str = "scripted") -> None:
        """Start the simulator."""
        self.start("simulator", "python", "-m", "simulator", "--speech", speech)

    def wait_until_healthy(self, *names: str) -> None:
        """Wait until the web process answers and the simulator hears and speaks; or only one of them."""
        for name in names or ("web", "simulator"):
            port = os.environ[f"{name.upper()}_PORT"]
            eventually(partial(answers, f"http://{LOOPBACK}:{port}/health"), name)

    def start_housekeeping(self) -> None:
        """Start the worker that closes the rooms of rejected calls, and does what beat asks for."""
        command = ("celery", "-A", "callcenter", "worker", "-Q", "housekeeping", "--pool", "threads")
        self.start("housekeeping", *command, "--concurrency", "2", "-n", "housekeeping@%h")

    @contextmanager
    def beat(self) -> Iterator[Process]:
        """The clock of sweep, reaper and the like, for a while. It forgets when each was last due."""
        schedule = INSTANCE.state_dir / "beat-schedule"
        for file in schedule.parent.glob(schedule.name + "*"):
            file.unlink()
        process = self.start("beat", "celery", "-A", "callcenter", "beat", "--schedule", str(schedule))
        try:
            yield process
        finally:
            self.stop_one("beat")

    def stop_one(self, name: str) -> None:
        """Stop one process."""
        process = self.named(name)
        process.daemon.stop()
        self.processes.remove(process)

    def named(self, name: str) -> Process:
        """Return the process of this name."""
        return next(process for process in self.processes if process.name == name)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.daemon.stop()
        self.processes.clear()

    @contextmanager
    def worker(
        self, name: str = "worker", slots: int = 4, include: str = "workers.tasks", **environment: str
    ) -> Iterator[Process]:
        """A worker process with as many slots, importing these modules; stopped at the end, when its calls are over."""
        process = self.start(
            name,
            *("celery", "-A", "callcenter", "worker", "-I", include, "-Q", "calls", "--pool", "threads"),
            *("--concurrency", str(slots), "-n", f"{name}@%h"),
            **environment,
        )
        try:
            eventually(lambda: f"{name}@" in process.log and " ready." in process.log, f"worker {name}")
            yield process
        finally:
            process.daemon.stop(patience_s=30.0)
            self.processes.remove(process)

    def script(self, yaml: str) -> str:
        """Have the simulated language model and recognizer follow this scenario. Returns it."""
        self.control("PUT", "scenario", {"yaml": yaml})
        return yaml

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Speak to the simulator's control API."""
        return control(f"http://{LOOPBACK}:{os.environ['SIMULATOR_PORT']}", method, path, body)

    @contextmanager
    def fault(self, stage: str, kind: str, **values: Any) -> Iterator[None]:
        """A provider that fails in this way for a while."""
        self.control("PUT", "faults", {"stage": stage, "kind": kind, **values})
        try:
            yield
        finally:
            self.control("DELETE", "faults")

    def call(
        self, yaml: str, to: str, on_event: Callable[[CallerEvent], None] | None = None, **values: Any
    ) -> CallReport:
        """Place one call that follows the scenario, and wait for its end."""
        return asyncio.run(self.place(yaml, to, on_event, **values))

    async def place(
        self, yaml: str, to: str, on_event: Callable[[CallerEvent], None] | None = None, **values: Any
    ) -> CallReport:
        """As `call`, for several at once."""
        defaults: dict[str, Any] = {"ring_timeout_s": 45.0, "max_seconds": 120.0}
        caller = CallerSettings(
            livekit_url=settings.LIVEKIT_URL,
            api_key=settings.LIVEKIT_API_KEY,
            api_secret=settings.LIVEKIT_API_SECRET,
            to_number=to,
            scenario=parse_scenario(yaml),
            **{**defaults, **values},
        )
        return await place_call(caller, on_event)


def final_call(room: str, timeout_s: float = WAIT_S) -> Call:
    """Return the room's call once it is over."""
    calls = Call.objects.filter(room_name=room, status__in=FINAL)
    return eventually(calls.first, f"end of {room}", timeout_s)


def _daemon(name: str, command: tuple[str, ...], log_file: Path, environment: dict[str, str]) -> Daemon:
    # A variable that is no setting of ours may be a library's, which has read it when it is forked.
    forked = command[0] == "celery" and environment.keys() <= SETTINGS
    return (Forked if forked else Daemon)(
        command=[str(BIN / command[0]), *command[1:]],
        pid_file=INSTANCE.state_dir / f"{name}.pid",
        log_file=log_file,
        directory=ROOT,
        environment={**os.environ, "DATABASE_URL": database_url(), **environment},
    )


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def database_url() -> str:
    """The database in which the tests write, for other processes."""
    return INSTANCE.database_url.rsplit("/", 1)[0] + "/" + str(settings.DATABASES["default"]["NAME"])
