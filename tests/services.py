"""A pytest plugin (`-p tests.services`): the world that the tests run in, apart from everything else on the machine.

Imported before Django reads its settings, it sets every variable of env.template: free ports, fresh secrets, defaults.
So neither `.env` nor the caller's environment changes what is tested. The servers are private instances in
`.local/test-<pid>`, started when the first test asks for one, and stopped and removed at the end, also on Ctrl-C
(tests/interrupting.py).
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tools.local import ROOT, Instance, LiveKit, Postgres, RabbitMQ, Redis
from tools.local.isolated_env import isolated_environment
from tools.local.ports import free_ports


def _instance(state_dir: Path) -> Instance:
    instance = Instance.from_environment(state_dir=state_dir, durable=False)
    epmd, dist = free_ports(2)
    return replace(instance, rabbitmq_epmd_port=epmd, rabbitmq_dist_port=dist)


def remove(instance: Instance) -> None:
    """Stops every service of the instance and deletes its files."""
    for service in (LiveKit, Redis, RabbitMQ, Postgres):
        service(instance).stop()
    for folder in {instance.state_dir, instance.data_dir}:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers() -> None:
    """What test runs left that were killed before they could clean up."""
    for state_dir in (ROOT / ".local").glob("test-*"):
        pid = state_dir.name.removeprefix("test-")
        if not Path("/proc", pid).exists():
            remove(_instance(state_dir))


os.environ.update(isolated_environment() | {"SIMULATOR_SPEECH": "scripted", "SIMULATOR_PROFILE": "none"})
INSTANCE = _instance(ROOT / f".local/test-{os.getpid()}")
os.environ["SPOOL_DIR"] = str(INSTANCE.state_dir / "spool")


def pytest_configure() -> None:
    _remove_leftovers()


def pytest_unconfigure() -> None:
    if INSTANCE.state_dir.exists():
        remove(INSTANCE)


@dataclass(frozen=True)
class LiveKitServer:
    """A running LiveKit server: ws:// address and the key pair for tokens and its API."""

    url: str
    api_key: str
    api_secret: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[Instance]:
    """PostgreSQL, reachable at `database_url`. Django's own test database comes with the `db` fixture."""
    service = Postgres(INSTANCE)
    service.start()
    yield INSTANCE
    service.stop()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Instance]:
    """RabbitMQ, reachable at `broker_url`, with no queue in it."""
    service = RabbitMQ(INSTANCE)
    service.start()
    yield INSTANCE
    service.stop()


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """Redis, on REDIS_PORT."""
    service = Redis(INSTANCE)
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def livekit(redis: Redis) -> Iterator[LiveKitServer]:
    """LiveKit with its Redis. It sends webhooks to WEB_PORT."""
    server = LiveKit(INSTANCE)
    server.start()
    yield LiveKitServer(INSTANCE.livekit_url, INSTANCE.livekit_api_key, INSTANCE.livekit_api_secret)
    server.stop()
