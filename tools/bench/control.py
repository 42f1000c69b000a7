"""`python -m tools.bench control`: many calls at once without media: webhook, queue, claim, hold and release.

Web process, RabbitMQ, PostgreSQL and the workers are the product's own; the webhooks are signed and posted as LiveKit
does. Only the room is missing: media_off.py and no_rooms.py in tools/measure/world say what takes its place. Every
output says so.
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from tools.bench.dispatch_times import DispatchTimes
from tools.errors import ToolError
from tools.local import queues
from tools.measure import machine, processes
from tools.measure.arithmetic import percentile
from tools.measure.calls import webhooks
from tools.measure.world import World
from tools.measure.world.call_center import SLOTS, Ours
from tools.measure.world.shared import shared_world

LABEL = "control plane only: media switched off"
POLL_S = 0.5


@dataclass(frozen=True)
class Options:
    """`calls` callers who ring within `within_s` seconds and are held `hold_s` each, on `workers` of ten slots."""

    calls: int
    workers: int
    within_s: float
    hold_s: float
    output: Path

    def check(self) -> None:
        """Raise ToolError when the calls could not all be up at once."""
        if self.calls > self.workers * SLOTS:
            raise ToolError(f"--calls is {self.calls}: {self.workers} workers have {self.workers * SLOTS} slots")
        if self.hold_s <= self.within_s + 2:
            raise ToolError(f"--hold is {self.hold_s:g}: must be more than --within + 2, so that all calls overlap")


@dataclass
class Observed:
    """What was seen. Times in ms."""

    webhook_ms: list[float] = field(default_factory=list)
    dispatch_ms: list[float] = field(default_factory=list)
    ring_to_claim_ms: list[float] = field(default_factory=list)
    most_at_once: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    messages_left: dict[str, int] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    pss_mb: dict[str, float] = field(default_factory=dict)


def run(options: Options) -> int:
    """Run it. Exit code 0 when every call was claimed, up at once with all others, and released."""
    options.check()
    about = machine.describe()
    print(f"{LABEL}\n{machine.line()}", flush=True)
    with shared_world(media=False) as world:
        ours = Ours(world, options.workers, options.hold_s)
        ours.prepare()
        ours.start("eager")
        try:
            with DispatchTimes(world.instance.broker_url) as times:
                observed = asyncio.run(_drive(world, ours, options))
            observed.dispatch_ms = times.milliseconds()
        finally:
            ours.stop()
    return _report(observed, options, about)


async def _drive(world: World, ours: Ours, options: Options) -> Observed:
    observed = Observed()
    await asyncio.sleep(2.0)
    parts = ours.parts()
    before = {name: processes.cpu_seconds(pids) for name, pids in parts.items()}
    async with aiohttp.ClientSession() as session:
        pause_s = options.within_s / options.calls
        calls = [
            _one_call(session, world, ours.number("eager"), number, pause_s * number, options.hold_s, observed)
            for number in range(options.calls)
        ]
        watching = asyncio.create_task(_watch(world, observed))
        await asyncio.gather(*calls)
        observed.pss_mb = {name: processes.pss_mb(pids) for name, pids in parts.items()}
        await _wait_until_over(world, options)
        watching.cancel()
    observed.cpu_s = {name: processes.cpu_seconds(pids) - before[name] for name, pids in parts.items()}
    _read_rows(world, observed)
    observed.messages_left = _messages(world)
    return observed


async def _one_call(
    session: aiohttp.ClientSession,
    world: World,
    called: str,
    number: int,
    after_s: float,
    hold_s: float,
    observed: Observed,
) -> None:
    """Ring after `after_s`, and leave when the call has been held."""
    await asyncio.sleep(after_s)
    caller = f"+1202555{3000 + number}"
    observed.webhook_ms += await webhooks.one_call(session, world, f"call-bench-{number:04d}", caller, called, hold_s)


async def _watch(world: World, observed: Observed) -> None:
    while True:
        counts = await asyncio.to_thread(_counts, world)
        observed.most_at_once = max(observed.most_at_once, counts["in_progress"])
        print(f"  {', '.join(f'{count} {status}' for status, count in sorted(counts.items()))}", flush=True)
        await asyncio.sleep(POLL_S * 4)


async def _wait_until_over(world: World, options: Options) -> None:
    deadline = time.monotonic() + options.hold_s + 30
    live = ("queued", "connecting", "in_progress")
    while time.monotonic() < deadline:
        counts = await asyncio.to_thread(_counts, world)
        if not any(counts[status] for status in live):
            return
        await asyncio.sleep(POLL_S)


def _counts(world: World) -> Counter[str]:
    with psycopg.connect(world.instance.database_url) as connection:
        return Counter(dict(connection.execute("SELECT status, count(*) FROM calls_call GROUP BY status").fetchall()))


def _read_rows(world: World, observed: Observed) -> None:
    with psycopg.connect(world.instance.database_url) as connection:
        rows = connection.execute(
            "SELECT status || ': ' || end_reason, extract(epoch FROM claimed_at - created_at) * 1000 FROM calls_call"
        ).fetchall()
    observed.ends = Counter(str(end) for end, _ in rows)
    observed.ring_to_claim_ms = [float(waited) for _, waited in rows if waited is not None]


def _messages(world: World) -> dict[str, int]:
    """Messages that are left in the calls' queues."""
    found = queues.look(world.instance.broker_url, "calls", "calls.dead")
    return {name: queue.messages for name, queue in found.items()}


def _report(observed: Observed, options: Options, about: dict[str, Any]) -> int:
    def spread(values: list[float]) -> dict[str, float | None]:
        return {f"p{p}": percentile(values, p) for p in (50, 95, 99)} | {"count": len(values)}

    document = {
        "label": LABEL,
        "machine": about,
        "calls": options.calls,
        "workers": options.workers,
        "slots": options.workers * SLOTS,
        "most_calls_at_once": observed.most_at_once,
        "ends": dict(observed.ends),
        "webhook_answer_ms": spread(observed.webhook_ms),
        "publish_to_task_body_ms": spread(observed.dispatch_ms),
        "ring_to_claim_ms": spread(observed.ring_to_claim_ms),
        "cpu_ms_a_call": {name: round(used / options.calls * 1000, 2) for name, used in observed.cpu_s.items()},
        "pss_mb": {name: round(held, 1) for name, held in observed.pss_mb.items()},
        "messages_left": observed.messages_left,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=1) + "\n")
    for name, value in document.items():
        print(f"{name.replace('_', ' ')}: {value}")
    all_held = observed.most_at_once == options.calls and observed.ends == {"completed: caller_left": options.calls}
    return 0 if all_held and not any(observed.messages_left.values()) else 1
