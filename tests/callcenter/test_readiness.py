"""Readiness: what is asked, what is said of what is away, and that asking often costs nothing."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import AsyncClient, Client
from pytest_django import Settings

from callcenter.health import readiness
from callcenter.health.readiness import Facts, NotReady, Probe
from calls.lifecycle import leases
from calls.livekit import rooms
from calls.models import Heartbeat
from tests.factories import make_call
from tests.services import LiveKitServer
from tools.local import Instance
from tools.local.ports import LOOPBACK, free_ports

READY = "/health/ready"


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """No finding of an earlier test counts."""
    for probe in readiness.PROBES:
        probe._asking = None
    yield
    for probe in readiness.PROBES:
        probe._asking = None


@pytest.fixture
def servers(rabbitmq: Instance, livekit: LiveKitServer, transactional_db: None) -> None:
    """Everything that readiness asks, and a worker with four free slots."""
    leases.beat("host:1", slots=4)


def ask(path: str = READY) -> tuple[int, dict[str, Any]]:
    response = Client().get(path)
    return response.status_code, response.json()


def standing_in(monkeypatch: pytest.MonkeyPatch, **asks: Any) -> None:
    """Ask these in place of the real dependencies."""
    monkeypatch.setattr(readiness, "PROBES", [Probe(name, ask) for name, ask in asks.items()])


async def well() -> Facts:
    return {}


@pytest.mark.usefixtures("servers")
def test_a_whole_call_center_is_ready_and_reports_how_long_each_part_took() -> None:
    status, body = ask()

    assert (status, body["status"]) == (200, "ready"), body
    assert list(body["checks"]) == ["postgresql", "rabbitmq", "livekit", "slots"]
    assert all(check["ok"] and 0 < check["latency_ms"] < 3000 for check in body["checks"].values())
    assert body["checks"]["slots"]["free"] == 4


@pytest.mark.usefixtures("servers")
async def test_it_answers_over_asgi_to_a_probe_that_knows_only_the_address(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    response = await AsyncClient().get(READY, headers={"Host": "10.0.3.17:8080"})

    assert (response.status_code, response.json()["status"]) == (200, "ready")


@pytest.mark.usefixtures("servers")
def test_without_a_free_slot_it_is_not_ready_but_can_be_asked_for_the_rest() -> None:
    for _ in range(4):
        make_call()

    status, body = ask()

    assert (status, body["status"]) == (503, "not ready")
    assert body["checks"]["slots"] | {"latency_ms": 0} == {
        "ok": False, "latency_ms": 0, "free": 0, "error": "none free"
    }  # fmt: skip
    assert [name for name, check in body["checks"].items() if not check["ok"]] == ["slots"]
    assert ask(f"{READY}?exclude=slots")[0] == 200


@pytest.mark.usefixtures("servers")
def test_without_a_living_worker_there_is_no_free_slot() -> None:
    Heartbeat.objects.all().delete()

    assert ask()[1]["checks"]["slots"]["free"] == 0


@pytest.mark.usefixtures("servers")
def test_a_livekit_that_is_away_is_named_and_its_address_is_not(settings: Settings) -> None:
    [port] = free_ports(1)
    settings.LIVEKIT_URL = f"ws://{LOOPBACK}:{port}"

    status, body = ask()

    assert status == 503
    assert (body["checks"]["livekit"]["ok"], body["checks"]["livekit"]["error"]) == (False, "ClientConnectorError")
    assert body["checks"]["postgresql"]["ok"]
    assert str(port) not in str(body)


@pytest.mark.usefixtures("servers")
def test_a_livekit_that_refuses_the_key_is_not_ready(settings: Settings) -> None:
    settings.LIVEKIT_API_SECRET = "another secret, that is long enough to sign with"

    assert not ask()[1]["checks"]["livekit"]["ok"]


def test_a_check_that_does_not_exist_cannot_be_left_out() -> None:
    status, body = ask(f"{READY}?exclude=slots&exclude=disk")

    assert (status, body["error"]) == (400, "exclude: choose from postgresql, rabbitmq, livekit, slots")


def test_liveness_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never() -> Facts:
        raise AssertionError("asked")

    standing_in(monkeypatch, postgresql=never)

    assert ask("/health")[0] == 200


def test_what_fails_is_reported_by_kind_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> Facts:
        raise OSError("password=secret")

    standing_in(monkeypatch, postgresql=well, rabbitmq=broken)

    status, body = ask()

    assert (status, body["checks"]["rabbitmq"]["error"]) == (503, "OSError")
    assert "secret" not in str(body)


async def test_a_dependency_that_hangs_is_asked_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    answers = asyncio.Event()

    async def hangs() -> Facts:
        asked.append(time.monotonic())
        await answers.wait()
        return {}

    monkeypatch.setattr(readiness, "WITHIN_S", 0.05)
    probe = Probe("livekit", hangs)

    findings = [await probe.finding(), *await asyncio.gather(*(probe.finding() for _ in range(20)))]

    assert len(asked) == 1
    assert {(finding.ok, finding.error) for finding in findings} == {(False, "no answer within 0.05 s")}
    answers.set()
    assert (await probe.finding()).ok


async def test_a_finding_holds_for_a_while_and_then_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([2, 1])

    async def slots() -> Facts:
        return {"free": next(free)}

    probe = Probe("slots", slots)

    assert [(await probe.finding()).facts["free"] for _ in range(3)] == [2, 2, 2]
    monkeypatch.setattr(readiness, "FRESH_S", 0.0)
    assert (await probe.finding()).facts["free"] == 1


async def test_what_is_not_ready_says_why() -> None:
    async def full() -> Facts:
        raise NotReady({"free": 0})

    finding = await Probe("slots", full).finding()

    assert (finding.ok, finding.error, finding.facts) == (False, "none free", {"free": 0})


async def test_livekit_answers_the_question_without_a_list_of_rooms(livekit: LiveKitServer) -> None:
    assert await readiness._livekit() == {}
    assert await rooms.participant("call-nobody", "nobody") is None
