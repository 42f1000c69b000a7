"""Who is compared: this system's production path, livekit-agents and stock Pipecat, started and stopped alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.bench.compare import venvs
from tools.local.ports import free_ports
from tools.local.process import Daemon
from tools.measure import conversation
from tools.measure.numbers import NUMBERS, Policy
from tools.measure.world import World, answers, wait_for
from tools.measure.world.call_center import live_pids

PEERS = Path(__file__).with_name("peers")


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


@dataclass
class Peer:
    """A peer's program in its own environment; `program` is in tools/bench/compare/peers."""

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
        return live_pids([self._process] if self._process else [])

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
