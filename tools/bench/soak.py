"""`python -m tools.bench soak`: this system alone, call after call: what grows and what is left over."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from livekit import api

from tools.measure import conversation, machine, processes
from tools.measure.arithmetic import percentile, slope
from tools.measure.calls.cell import Cell
from tools.measure.calls.placing import Callers, Placed, Plan
from tools.measure.text_tables import number
from tools.measure.world import World
from tools.measure.world.call_center import Ours, prepare_simulator
from tools.measure.world.shared import shared_world

SAMPLE_S = 5.0
WARM_UP_SHARE = 0.2  # of the run: caches and pools fill before the slope is taken
QUIET_S = 25.0  # LiveKit closes an empty room 20 s after its last participant left


@dataclass(frozen=True)
class Inventory:
    """What the system holds while no call is up."""

    worker_pss_mb: float
    worker_files: int
    worker_threads: int
    rooms: int
    database_connections: int


@dataclass
class Soak:
    """The samples: (call-minutes that were over or under way, MB of the workers)."""

    calls: int
    minutes: float
    points: list[tuple[float, float]] = field(default_factory=list)
    before: Inventory | None = None
    after: Inventory | None = None
    placed: list[Placed] = field(default_factory=list)

    def slope_mb(self) -> float | None:
        """MB per call-minute, after the warm-up."""
        if not self.points:
            return None
        start = self.points[-1][0] * WARM_UP_SHARE
        return slope([point for point in self.points if point[0] >= start])

    def reply_drift_ms(self) -> tuple[float | None, float | None]:
        """Median reply of the first and of the last third of the calls, by their beginning, in ms."""
        calls = sorted((call for call in self.placed if not call.error), key=lambda call: call.joined_at)
        third = max(1, len(calls) // 3)
        return _median_reply(calls[:third]), _median_reply(calls[-third:])


def run(minutes: float, calls: int, seconds: float, output: Path) -> int:
    """Run it. Exit code 0 when every reply was heard and nothing is left over."""
    about = machine.describe()
    print(machine.line(), flush=True)
    with shared_world() as world:
        prepare_simulator(world, "published")
        ours = Ours(world)
        ours.prepare()
        ours.start("eager")
        try:
            soak = _soak(world, ours, Soak(calls, minutes), seconds)
        finally:
            ours.stop()
    return _report(soak, about, output)


def _soak(world: World, ours: Ours, soak: Soak, seconds: float) -> Soak:
    Callers(world, Plan(conversation.warm_up_script(), ours.number("eager"), soak.calls, 20.0)).finish()
    soak.before = _quiet_inventory(world, ours)
    plan = Plan(conversation.script(seconds), ours.number("eager"), soak.calls, seconds, soak.minutes * 60)
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(ours, soak, over), daemon=True)
    watching.start()
    try:
        soak.placed = Callers(world, plan).finish(lambda call: _tell(call, soak))
    finally:
        over.set()
        watching.join()
    soak.after = _quiet_inventory(world, ours)
    return soak


def _watch(ours: Ours, soak: Soak, over: threading.Event) -> None:
    began = time.monotonic()
    while not over.wait(SAMPLE_S):
        call_minutes = (time.monotonic() - began) * soak.calls / 60
        soak.points.append((call_minutes, processes.pss_mb(ours.agents())))


def _tell(call: Placed, soak: Soak) -> None:
    memory = number(soak.points[-1][1]) if soak.points else "–"
    outcome = call.error or f"{call.report['duration_s']:.0f} s, every reply heard: {call.report['every_reply_heard']}"
    print(f"  a call is over ({outcome}); workers hold {memory} MB", flush=True)


def _quiet_inventory(world: World, ours: Ours) -> Inventory:
    time.sleep(QUIET_S)
    workers = ours.agents()
    return Inventory(
        worker_pss_mb=round(processes.pss_mb(workers), 1),
        worker_files=processes.open_files(workers),
        worker_threads=processes.threads(workers),
        rooms=asyncio.run(_count_rooms(world)),
        database_connections=_count_connections(world),
    )


async def _count_rooms(world: World) -> int:
    instance = world.instance
    async with api.LiveKitAPI(instance.livekit_url, instance.livekit_api_key, instance.livekit_api_secret) as livekit:
        return len((await livekit.room.list_rooms(api.ListRoomsRequest())).rooms)


def _count_connections(world: World) -> int:
    """Connections of the system to its database, without the one that counts."""
    with psycopg.connect(world.instance.database_url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _replies(calls: Sequence[Placed]) -> list[float]:
    cell = Cell("b", 1, "ours", len(calls))
    cell.hear(calls)
    return cell.replies_ms


def _median_reply(calls: Sequence[Placed]) -> float | None:
    found = _replies(calls)
    return median(found) if found else None


def _report(soak: Soak, about: dict[str, Any], output: Path) -> int:
    cell = Cell("b", 1, "ours", soak.calls)
    cell.hear(soak.placed)
    first, last = soak.reply_drift_ms()
    document = {
        "machine": about,
        "calls_at_once": soak.calls,
        "minutes": soak.minutes,
        "calls": len(soak.placed),
        "call_minutes": round(cell.call_seconds / 60, 1),
        "memory_slope_mb_a_call_minute": soak.slope_mb(),
        "reply_p50_first_third_ms": first,
        "reply_p50_last_third_ms": last,
        "reply_p95_ms": percentile(cell.replies_ms, 95),
        "replies_lost": cell.lost,
        "callers_late_p99_ms": cell.lateness_p99_ms,
        "before": asdict(soak.before) if soak.before else None,
        "after": asdict(soak.after) if soak.after else None,
        "left_over": left_over(soak),
        "doubts": cell.doubts,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document | {"points": soak.points}, indent=1) + "\n")
    for name, value in document.items():
        print(f"{name.replace('_', ' ')}: {value}")
    return 0 if cell.valid and not left_over(soak) else 1


def left_over(soak: Soak) -> list[str]:
    """What is there after the run and was not before it.

    Pools of threads and connections breathe: of files, threads and connections, a growth of up to one for each call at
    once is none that is left over.
    """
    if soak.before is None or soak.after is None:
        return ["no inventory"]
    allowed = {"rooms": 0, "database_connections": soak.calls, "worker_files": soak.calls, "worker_threads": soak.calls}
    return [name for name, more in allowed.items() if getattr(soak.after, name) - getattr(soak.before, name) > more]
