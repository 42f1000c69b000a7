"""The product's production path in a world: its processes by what they do, ready to take the measured calls."""

from dataclasses import dataclass

from tools.local import Postgres, RabbitMQ
from tools.local.process import Daemon
from tools.measure import conversation
from tools.measure.numbers import NUMBERS, Policy
from tools.measure.world import Product, World

SLOTS = 10
"""Of a worker."""


@dataclass
class Ours:
    """LiveKit's webhook, the web process, RabbitMQ, a Celery worker with ten slots, PostgreSQL."""

    world: World
    workers: int = 1
    hold_s: float | None = None
    """Set for calls without media: for how long each is held, in place of joining its room."""
    name: str = "ours"

    def __post_init__(self) -> None:
        without_media = {"CALL_RUNNER": "tools.measure.world.media_off.hold", "BENCH_HOLD_S": str(self.hold_s)}
        environment = {} if self.hold_s is None else without_media
        self._product = Product(self.world, self.workers, SLOTS, worker_environment=environment)

    def prepare(self) -> None:
        """Start PostgreSQL and RabbitMQ, which stay up between rounds, and fill the database."""
        without_rooms = self.hold_s is not None
        self._product.prepare(f"tools.measure.world.{'no_rooms' if without_rooms else 'seed'}")

    def start(self, policy: Policy) -> None:
        """The same processes for both policies: the number that is dialed decides."""
        self._product.start()

    def stop(self) -> None:
        self._product.stop()

    def agents(self) -> list[int]:
        return live_pids(self._product.workers)

    def control_plane(self) -> list[int]:
        return [pid for name, pids in self.parts().items() if name != "workers" for pid in pids]

    def parts(self) -> dict[str, list[int]]:
        """Root processes by what they do."""
        product, instance = self._product, self.world.instance
        return {
            "workers": self.agents(),
            "web": live_pids([product.web]),
            "housekeeping and beat": live_pids([product.housekeeping, product.beat]),
            "PostgreSQL": live_pids([Postgres(instance).daemon()]),
            "RabbitMQ": live_pids([RabbitMQ(instance).daemon()]),
        }

    def number(self, policy: Policy) -> str:
        return NUMBERS[policy]


def live_pids(daemons: list[Daemon]) -> list[int]:
    """Those of the daemons that live."""
    return [pid for daemon in daemons if (pid := daemon.pid()) is not None]


def prepare_simulator(world: World, profile: str) -> None:
    """Teach the simulator the conversation and set its delays."""
    world.control("profile", {"name": profile})
    world.control("scenario", {"yaml": conversation.script(0)})
