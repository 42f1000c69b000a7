"""Who is compared: this system's production path, livekit-agents and stock Pipecat, started and stopped alike."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from tools.bench import conversation, venvs
from tools.bench.errors import BenchError
from tools.bench.numbers import NUMBERS
from tools.bench.world import BIN, World, answers, wait_for
from tools.local import ROOT, Postgres, RabbitMQ
from tools.local.ports import LOOPBACK, free_ports
from tools.local.process import Daemon

Policy = Literal["silence", "eager"]
PEERS = Path(__file__).with_name("peers")
SLOTS = 10


class Contender(Protocol):
    """A voice-agent system. `prepare` once, then `start` returns when it can take calls, `stop` leaves no process."""

    name: str

    def prepare(self) -> None: ...

    def start(self, policy: Policy) -> None: ...

    def stop(self) -> None: ...

    def agents(self) -> list[int]:
        """Root processes of what holds the calls."""
        ...

    def control_plane(self) -> list[int]:
        """Root processes of what receives and dispatches calls and keeps their records."""
        ...

    def number(self, policy: Policy) -> str:
        """The number to call, E.164."""
        ...


def _pids(daemons: list[Daemon]) -> list[int]:
    return [pid for daemon in daemons if (pid := daemon.pid()) is not None]


@dataclass
class Ours:
    """LiveKit's webhook, the web process, RabbitMQ, a Celery worker with ten slots, PostgreSQL."""

    world: World
    worker_module: str = "workers.tasks"
    workers: int = 1
    name: str = "ours"
    _agents: list[Daemon] = field(default_factory=list)
    _others: list[Daemon] = field(default_factory=list)

    def prepare(self) -> None:
        """Start PostgreSQL and RabbitMQ, which stay up between rounds, and fill the database."""
        instance = self.world.instance
        Postgres(instance).start()
        RabbitMQ(instance).start()
        for arguments in (("manage.py", "migrate", "--no-input"), ("-m", "tools.bench.seed")):
            self._run_once(*arguments)

    def start(self, policy: Policy) -> None:
        """The same processes for both policies: the number that is dialled decides."""
        web = self._web()
        self._others = [web, self._celery("housekeeping", 2, "-Q", "housekeeping"), self._beat()]
        self._agents = [
            self._celery(f"worker{number}", SLOTS, "-I", self.worker_module, "-Q", "calls")
            for number in range(1, self.workers + 1)
        ]
        for process in (*self._others, *self._agents):
            process.log_file.unlink(missing_ok=True)
            process.start()
        wait_for(lambda: answers(f"{self.world.web_url}/health"), web)
        for process in (self._others[1], *self._agents):
            wait_for(partial(_has_logged, process, " ready."), process)

    def stop(self) -> None:
        for process in (*self._agents, *self._others):
            process.stop(patience_s=10.0)

    def agents(self) -> list[int]:
        return _pids(self._agents)

    def control_plane(self) -> list[int]:
        instance = self.world.instance
        return _pids([*self._others, Postgres(instance).daemon(), RabbitMQ(instance).daemon()])

    def parts(self) -> dict[str, list[int]]:
        """Root processes by what they do."""
        instance = self.world.instance
        web, housekeeping, beat = (_pids([process]) for process in self._others)
        return {
            "workers": self.agents(),
            "web": web,
            "housekeeping and beat": housekeeping + beat,
            "PostgreSQL": _pids([Postgres(instance).daemon()]),
            "RabbitMQ": _pids([RabbitMQ(instance).daemon()]),
        }

    def number(self, policy: Policy) -> str:
        return NUMBERS[policy]

    def _web(self) -> Daemon:
        port = str(self.world.instance.web_port)
        command = ("callcenter.asgi:application", "--host", LOOPBACK, "--port", port, "--no-access-log")
        return self.world.process("web", str(BIN / "uvicorn"), *command)

    def _celery(self, name: str, slots: int, *arguments: str) -> Daemon:
        command = ("-A", "callcenter", "worker", *arguments, "--pool", "threads", "--concurrency", str(slots))
        return self.world.process(name, str(BIN / "celery"), *command, "-n", f"{name}@%h")

    def _beat(self) -> Daemon:
        scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
        return self.world.process("beat", str(BIN / "celery"), "-A", "callcenter", "beat", "--scheduler", scheduler)

    def _run_once(self, *arguments: str) -> None:
        environment = {**os.environ, **self.world.environment}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            raise BenchError(f"{' '.join(arguments)} failed: {done.stderr.decode().strip().splitlines()[-1]}")


def _has_logged(process: Daemon, text: str) -> bool:
    return process.log_file.exists() and text in process.log_file.read_text(errors="replace")


@dataclass
class Peer:
    """A peer's program in its own environment; `program` is in tools/bench/peers."""

    world: World
    name: str
    program: str
    arguments: tuple[str, ...]
    ready_log: str
    """What its log says once it can take calls; empty for one that answers GET /health then."""
    _process: Daemon | None = None

    def prepare(self) -> None:
        """Make its environment."""
        venvs.interpreter(self.name)

    def start(self, policy: Policy) -> None:
        port = free_ports(1)[0] if self.ready_log else self.world.instance.web_port
        process = self._process = self.world.process(
            self.name,
            str(venvs.interpreter(self.name)),
            str(PEERS / self.program),
            *self.arguments,
            LIVEKIT_URL=self.world.instance.livekit_url,
            BENCH_PORT=str(port),
            BENCH_POLICY=policy,
            BENCH_SIMULATOR=self.world.simulator_url,
            BENCH_GREETING=conversation.GREETING,
            BENCH_PROMPT=conversation.PROMPT,
            BENCH_VOICE=conversation.VOICE_ID,
        )
        process.log_file.unlink(missing_ok=True)
        process.start()
        if self.ready_log:
            wait_for(partial(_has_logged, process, self.ready_log), process)
        else:
            wait_for(lambda: answers(f"{self.world.web_url}/health"), process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(patience_s=3.0)

    def agents(self) -> list[int]:
        return _pids([self._process] if self._process else [])

    def control_plane(self) -> list[int]:
        return []

    def number(self, policy: Policy) -> str:
        return NUMBERS[policy]


def livekit_agents(world: World) -> Peer:
    """livekit-agents: LiveKit itself dispatches a job to it for each room."""
    return Peer(world, "livekit-agents", "livekit_agent.py", ("start",), "registered worker")


def pipecat(world: World) -> Peer:
    """Stock Pipecat: a webhook starts a process of the bot for each caller."""
    return Peer(world, "pipecat", "pipecat_dispatcher.py", (), "")
