"""The processes that run once each: web, housekeeping, beat, Flower and, where it is wanted, the simulator."""

import os
from collections.abc import Callable, Mapping
from functools import partial

from agents.providers import registry
from tools.local import Instance
from tools.local.ports import LOOPBACK, require_free
from tools.local.process import Daemon
from tools.local.queues import has_consumer
from tools.measure.world import answers
from tools.measure.world.control import control
from tools.run.scale import processes
from tools.run.scale.heartbeats import SWEEP, Beat
from tools.run.scale.state import State

PORTS = {"simulator": "SIMULATOR_PORT", "web": "WEB_PORT", "flower": "FLOWER_PORT"}


class Singles:
    """Their daemons by name, and what each of them has to do to count as working."""

    def __init__(self, instance: Instance) -> None:
        commands = processes.commands()
        names = [*(["simulator"] if uses_simulator(os.environ) else []), "web", "housekeeping", "beat", "flower"]
        self.daemons = {name: processes.daemon(instance, name, commands[name]) for name in names}
        self._broker_url = os.environ.get("CELERY_BROKER_URL") or instance.broker_url

    def check_ports(self) -> None:
        """Raises ToolError, which names the holder, when the port of one that does not run is taken."""
        for name, variable in PORTS.items():
            if name in self.daemons and self.daemons[name].pid() is None:
                require_free(int(os.environ[variable]), variable)

    def start(self) -> None:
        """Starts those that do not run."""
        for daemon in self.daemons.values():
            if daemon.pid() is None:
                daemon.start()

    def stop(self, patience_s: float) -> None:
        """Stops them: who makes new work first."""
        for daemon in reversed(self.daemons.values()):
            daemon.stop(patience_s=patience_s)

    def teach(self, scenario: str) -> None:
        """Has the simulated language model follow this scenario; real providers need no such thing."""
        if "simulator" in self.daemons:
            control(_url("SIMULATOR_PORT", ""), "PUT", "scenario", {"name": scenario})

    def states(self, beats: Mapping[str, Beat]) -> list[State]:
        """Each of them, as it is now."""
        return [self._state(name, daemon, beats) for name, daemon in self.daemons.items()]

    def _state(self, name: str, daemon: Daemon, beats: Mapping[str, Beat]) -> State:
        if daemon.pid() is None:
            last = daemon.last_log_line()
            return State(name, False, f"exited: {last} (log: {daemon.log_file})" if last else "not running")
        checks: dict[str, tuple[Callable[[], bool], str]] = {
            "simulator": (partial(answers, _url("SIMULATOR_PORT", "/health")), _url("SIMULATOR_PORT", "")),
            "web": (partial(answers, _url("WEB_PORT", "/health")), _url("WEB_PORT", "/admin/")),
            "flower": (partial(answers, _url("FLOWER_PORT", "/healthcheck")), _url("FLOWER_PORT", "")),
            "housekeeping": (lambda: has_consumer(self._broker_url, "housekeeping"), "takes messages"),
            "beat": (lambda: SWEEP in beats, "sends the periodic tasks"),
        }
        works, note = checks[name]
        if works():
            return State(name, True, note)
        return State(name, False, f"running, but not responding (log: {daemon.log_file})")


def uses_simulator(environment: Mapping[str, str]) -> bool:
    """Whether a provider's address is the simulator's on this machine."""
    port = environment["SIMULATOR_PORT"]
    here = (f"http://{LOOPBACK}:{port}", f"http://localhost:{port}")
    return any(environment.get(provider.url_variable, "").startswith(here) for provider in registry.all())


def _url(port: str, path: str) -> str:
    return f"http://{LOOPBACK}:{os.environ[port]}{path}"
