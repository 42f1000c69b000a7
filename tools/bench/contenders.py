"""Who is compared: this system's production path, livekit-agents and stock Pipecat, started and stopped alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tools.bench import conversation, venvs
from tools.bench.numbers import NUMBERS
from tools.local import Postgres, RabbitMQ
from tools.local.ports import free_ports
from tools.local.process import Daemon
from tools.world import Product, World, answers, wait_for

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
    housekeeping_module: str = "calls.tasks"
    workers: int = 1
    name: str = "ours"

    def __post_init__(self) -> None:
        self._product = Product(self.world, self.workers, SLOTS, self.worker_module, self.housekeeping_module)

    def prepare(self) -> None:
        """Start PostgreSQL and RabbitMQ, which stay up between rounds, and fill the database."""
        self._product.prepare("tools.bench.seed")

    def start(self, policy: Policy) -> None:
        """The same processes for both policies: the number that is dialled decides."""
        self._product.start()

    def stop(self) -> None:
        self._product.stop()

    def agents(self) -> list[int]:
        return _pids(self._product.workers)

    def control_plane(self) -> list[int]:
        return [pid for name, pids in self.parts().items() if name != "workers" for pid in pids]

    def parts(self) -> dict[str, list[int]]:
        """Root processes by what they do."""
        product, instance = self._product, self.world.instance
        return {
            "workers": self.agents(),
            "web": _pids([product.web]),
            "housekeeping and beat": _pids([product.housekeeping, product.beat]),
            "PostgreSQL": _pids([Postgres(instance).daemon()]),
            "RabbitMQ": _pids([RabbitMQ(instance).daemon()]),
        }

    def number(self, policy: Policy) -> str:
        return NUMBERS[policy]


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
            wait_for(lambda: process.has_logged(self.ready_log), process)
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
