"""The call center under load: the one that runs on this machine, one elsewhere, or a private copy."""

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from simulator.speech.synthesis import Speech
from tools.errors import ToolError
from tools.loadtest.options import OUTPUT, Options
from tools.loadtest.speech import simulated_speech
from tools.local import Instance
from tools.local.ports import LOOPBACK
from tools.measure.world import World, answers
from tools.measure.world.call_center import Ours
from tools.measure.world.control import control
from tools.measure.world.shared import shared_world
from tools.run.demo.settings import read_environment
from tools.run.scale.singles import uses_simulator
from tools.run.scale.workers import Workers

NUMBER = "+12025550100"  # which seed_demo makes


@dataclass(frozen=True)
class Target:
    """Where the load goes, and what of it can be looked at afterwards.

    `environment` is what caller processes get beside our own; the URLs of database and broker are empty where they are
    not known, that of the simulator where real providers are used. `workers` returns the processes on this machine.
    `world` is set for a private copy.
    """

    web_url: str
    livekit_url: str
    environment: Mapping[str, str]
    log_dir: Path
    number: str
    speech: Speech
    database_url: str = ""
    broker_url: str = ""
    simulator_url: str = ""
    workers: Callable[[], list[int]] = list
    world: World | None = None

    @property
    def livekit_key(self) -> tuple[str, str]:
        """LiveKit's key and secret."""
        found = {**os.environ, **self.environment}
        return found["LIVEKIT_API_KEY"], found["LIVEKIT_API_SECRET"]

    def teach(self, yaml: str) -> None:
        """Has the simulated language model follow the scenario; real providers need no such thing."""
        if self.simulator_url:
            control(self.simulator_url, "PUT", "scenario", {"yaml": yaml})


@contextmanager
def opened(options: Options) -> Iterator[Target]:
    """The target that the options name; a private copy lives as long as this. Raises ToolError."""
    if not options.is_private:
        yield running(options)
        return
    with shared_world(media=options.media == "on") as world:
        ours = Ours(world, options.worker_count, None if options.media == "on" else options.hold_s)
        ours.prepare()
        if options.media == "on":
            world.control("profile", {"name": "published"})
        ours.start("eager")
        try:
            yield _private(world, ours, options)
        finally:
            ours.stop()


def _private(world: World, ours: Ours, options: Options) -> Target:
    return Target(
        web_url=world.web_url,
        livekit_url=world.livekit_url,
        environment=world.environment,
        log_dir=world.log_dir,
        number=options.number or ours.number("eager"),
        speech="scripted",
        database_url=world.instance.database_url,
        broker_url=world.instance.broker_url,
        simulator_url=world.simulator_url if options.media == "on" else "",
        workers=ours.agents,
        world=world,
    )


def running(options: Options) -> Target:
    """The installation that `.env` describes, on this machine unless --url says otherwise. Raises ToolError."""
    read_environment()
    instance = Instance.from_environment()
    url = options.url or f"http://{LOOPBACK}:{os.environ['WEB_PORT']}"
    livekit_url = os.environ.get("LIVEKIT_URL") or instance.livekit_url
    here = is_loopback(url)
    if not options.url and not is_loopback(livekit_url):
        raise ToolError(f"LIVEKIT_URL is {livekit_url}, which is not this machine: name the installation with --url")
    if not here and is_loopback(livekit_url):
        raise ToolError(f"--url is {url}, but LIVEKIT_URL is this machine's: set that installation's LIVEKIT_URL")
    if not answers(f"{url}/health"):
        raise ToolError(f"{url}/health does not answer: start it with scripts/scale.sh up, or use --private")
    simulator_url = f"http://{LOOPBACK}:{os.environ['SIMULATOR_PORT']}" if here and uses_simulator(os.environ) else ""
    return Target(
        web_url=url,
        livekit_url=livekit_url,
        environment={},
        log_dir=OUTPUT.parent / "logs",
        number=options.number or NUMBER,
        speech=simulated_speech(simulator_url) if simulator_url else "local",
        database_url=os.environ.get("DATABASE_URL") or (instance.database_url if here else ""),
        broker_url=os.environ.get("CELERY_BROKER_URL") or (instance.broker_url if here else ""),
        simulator_url=simulator_url,
        workers=lambda: _pids(instance) if here else [],
    )


def is_loopback(url: str) -> bool:
    """Whether this address is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pids(instance: Instance) -> list[int]:
    """The workers that scripts/scale.sh has started."""
    return [pid for worker in Workers(instance, "").serving().values() if (pid := worker.pid()) is not None]
