"""Readiness: whether a call that comes in now would be answered. Each dependency is asked and timed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from livekit import api

from calls.lifecycle import capacity, leases
from calls.livekit import rooms
from common import broker
from common.database import in_database

log = structlog.get_logger(__name__)

FRESH_S = 1.0  # an answer holds so long: whoever asks more often costs nothing
WITHIN_S = 3.0  # a little more than the database's pool and the broker's connection wait by themselves

type Facts = dict[str, int]


class NotReady(Exception):
    """The dependency answers, but no call could be taken: `facts` say why."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of asking one dependency, and in how many ms. `error` names the kind of failure, never an address."""

    ok: bool
    latency_ms: float
    error: str = ""
    facts: Facts = field(default_factory=dict)
    at: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        """The finding as the answer shows it."""
        error = {"error": self.error} if self.error else {}
        return {"ok": self.ok, "latency_ms": round(self.latency_ms, 1), **self.facts, **error}


class Probe:
    """One dependency. Only one check runs at a time: a dependency that hangs holds one thread, not one per request."""

    def __init__(self, name: str, ask: Callable[[], Awaitable[Facts]]) -> None:
        self.name = name
        self._ask = ask
        self._asking: asyncio.Task[Finding] | None = None

    async def finding(self) -> Finding:
        """Return the latest finding, or a new one. Takes WITHIN_S seconds at most, and never raises."""
        asking = self._asking
        if asking is None or asking.get_loop() is not asyncio.get_running_loop() or _is_old(asking):
            asking = self._asking = asyncio.create_task(self._look())
        await asyncio.wait([asking], timeout=WITHIN_S)
        return asking.result() if asking.done() else Finding(False, WITHIN_S * 1000, f"no answer within {WITHIN_S:g} s")

    async def _look(self) -> Finding:
        begun = time.monotonic()
        error, facts = "", {}
        try:
            facts = await self._ask()
        except NotReady as refusal:
            facts, error = refusal.facts, "none free"
        except Exception as failure:
            log.warning("not_ready", dependency=self.name, error=type(failure).__name__)
            error = type(failure).__name__
        return Finding(not error, (time.monotonic() - begun) * 1000, error, facts)


def _is_old(asking: asyncio.Task[Finding]) -> bool:
    return asking.done() and (asking.cancelled() or time.monotonic() - asking.result().at >= FRESH_S)


async def _postgresql() -> Facts:
    def select_one() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    await in_database(select_one)
    return {}


async def _rabbitmq() -> Facts:
    await asyncio.to_thread(broker.reach)
    return {}


async def _livekit() -> Facts:
    async with rooms.livekit_api() as livekit, asyncio.timeout(WITHIN_S):
        await livekit.room.list_rooms(api.ListRoomsRequest(names=["ready"]))  # no such room: a short answer
    return {}


async def _slots() -> Facts:
    free = (await in_database(capacity.measure, leases.LEASE)).free
    if free == 0:
        raise NotReady({"free": 0})
    return {"free": free}


PROBES = [
    Probe("postgresql", _postgresql),
    Probe("rabbitmq", _rabbitmq),
    Probe("livekit", _livekit),
    Probe("slots", _slots),
]


async def answer(request: HttpRequest) -> JsonResponse:
    """`GET /health/ready`: 200 when every check is right, else 503. `?exclude=slots` leaves a check out."""
    excluded = request.GET.getlist("exclude")
    unknown = set(excluded) - {probe.name for probe in PROBES}
    if unknown:
        known = ", ".join(probe.name for probe in PROBES)
        return JsonResponse({"error": f"exclude: choose from {known}"}, status=400)
    probes = [probe for probe in PROBES if probe.name not in excluded]
    findings = await asyncio.gather(*(probe.finding() for probe in probes))
    ready = all(finding.ok for finding in findings)
    body = {
        "status": "ready" if ready else "not ready",
        "version": settings.VERSION,
        "checks": {probe.name: finding.as_json() for probe, finding in zip(probes, findings, strict=True)},
    }
    return JsonResponse(body, status=200 if ready else 503)
