"""The paths from each worker to the services: each can be cut while those of the other workers stay intact."""

from collections.abc import Mapping
from contextlib import ExitStack
from enum import StrEnum

from tools.chaos.network.wire import Wire
from tools.local.isolated_env import simulated_providers
from tools.measure.world import World


class Line(StrEnum):
    """What a worker is connected with."""

    POSTGRES = "DATABASE_URL"
    RABBITMQ = "CELERY_BROKER_URL"
    LIVEKIT = "LIVEKIT_URL"
    PROVIDERS = "the providers' base URLs"


class Wiring:
    """`of` gives a worker wires of its own. Use it as a context: afterwards no wire is left."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wires: dict[str, dict[Line, Wire]] = {}
        self._open = ExitStack()

    def __enter__(self) -> "Wiring":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def of(self, name: str) -> Mapping[str, str]:
        """The environment of this worker: every service is reached through its wire."""
        instance = self._world.instance
        urls = {
            Line.POSTGRES: instance.database_url,
            Line.RABBITMQ: instance.broker_url,
            Line.LIVEKIT: instance.livekit_url,
            Line.PROVIDERS: self._world.simulator_url,
        }
        wires = {line: self._open.enter_context(Wire(url).open()) for line, url in urls.items()}
        self._wires[name] = wires
        services = {line: wires[line].url for line in (Line.POSTGRES, Line.RABBITMQ, Line.LIVEKIT)}
        return services | simulated_providers(wires[Line.PROVIDERS].url)

    def cut(self, name: str, line: Line) -> None:
        """Cut this worker off."""
        self._wires[name][line].cut()

    def mend(self, name: str, line: Line) -> None:
        """Connect it again."""
        self._wires[name][line].mend()

    def slow_down(self, line: Line, delay_s: float) -> None:
        """Have every worker wait so long for each answer."""
        for wires in list(self._wires.values()):
            wires[line].delay_s = delay_s
