"""What the call center holds before and after the load: what is there afterwards and was not before has leaked."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import amqp
import psycopg
from livekit import api

from tools.loadtest.target import Target
from tools.local import queues
from tools.measure import processes

QUIET_WITHIN_S = 60.0  # LiveKit closes an empty room after 20 s, the reaper mends what was lost within 10 s
LOOK_S = 1.0
BREATH = 10  # threads and files that a worker's pools may come to hold beyond those of its calls

LIVE_ROWS = """
SELECT count(*) FROM calls_call WHERE room_name LIKE %s AND status IN ('queued', 'connecting', 'in_progress')
"""
BUSY = "SELECT coalesce(sum(busy), 0) FROM calls_heartbeat WHERE seen_at > clock_timestamp() - interval '5 seconds'"
ROWS = """
SELECT room_name, status, end_reason, attempt, extract(epoch FROM claimed_at - created_at) * 1000
FROM calls_call WHERE room_name LIKE %s
"""


@dataclass(frozen=True)
class Row:
    """A call's row in the database. `waited_ms` is from the ring to the claim, None when no slot took it."""

    status: str
    end_reason: str
    attempt: int
    waited_ms: float | None


@dataclass(frozen=True)
class Holding:
    """What is held. None where it cannot be looked at: no address of the database, workers on another machine.

    Rooms and unfinished calls are those of the test; messages, busy slots, files and threads are everyone's.
    """

    rooms: int | None = None
    unfinished_calls: int | None = None
    messages: int | None = None
    busy_slots: int | None = None
    worker_files: int | None = None
    worker_threads: int | None = None
    worker_pss_mb: float | None = None


CHECKS = ("rooms", "unfinished_calls", "messages", "busy_slots", "worker_files", "worker_threads")


def look(target: Target, prefix: str) -> Holding:
    """What is held now; `prefix` is that of the test's rooms."""
    workers = target.workers()
    return Holding(
        rooms=asyncio.run(_rooms(target, prefix)),
        unfinished_calls=_number(target, LIVE_ROWS, [f"{prefix}%"]),
        messages=_messages(target),
        busy_slots=_number(target, BUSY, []),
        worker_files=processes.open_files(workers) if workers else None,
        worker_threads=processes.threads(workers) if workers else None,
        worker_pss_mb=round(processes.pss_mb(workers), 1) if workers else None,
    )


def look_when_quiet(target: Target, prefix: str, before: Holding, pools: float) -> Holding:
    """What is held once nothing has leaked, or after a minute. `pools` as in `leaks`."""
    deadline = time.monotonic() + QUIET_WITHIN_S
    while True:
        now = look(target, prefix)
        if not leaks(before, now, pools) or time.monotonic() > deadline:
            return now
        time.sleep(LOOK_S)


def may_breathe(calls: int, workers: int) -> float:
    """By how much the workers' files and threads may grow: one for each call at once, and ten for each worker."""
    return calls + BREATH * workers


def leaks(before: Holding, after: Holding, pools: float) -> list[str]:
    """What has grown by more than it may, in words: files and threads by more than `pools`, the rest at all."""
    allowed = {"worker_files": pools, "worker_threads": pools}
    found = []
    for name in CHECKS:
        was, now = getattr(before, name), getattr(after, name)
        if was is not None and now is not None and now - was > allowed.get(name, 0):
            found.append(f"{name.replace('_', ' ')}: {now}, before {was}")
    return found


def not_checked(after: Holding) -> list[str]:
    """The checks that could not be made."""
    return [name.replace("_", " ") for name in CHECKS if getattr(after, name) is None]


def rows(target: Target, prefix: str) -> Mapping[str, Row] | None:
    """The test's calls by room; None where the database is not known."""
    if not target.database_url:
        return None
    with psycopg.connect(target.database_url, connect_timeout=5) as connection:
        found = connection.execute(ROWS, [f"{prefix}%"]).fetchall()
    return {room: Row(status, reason, attempt, _float(waited)) for room, status, reason, attempt, waited in found}


def most_calls(target: Target) -> int | None:
    """How many calls the number may have at once; None where the database is not known or the number is not there."""
    return _number(target, "SELECT max_calls FROM calls_phonenumber WHERE e164 = %s", [target.number])


def _number(target: Target, query: str, values: list[Any]) -> int | None:
    if not target.database_url:
        return None
    with psycopg.connect(target.database_url, connect_timeout=5) as connection:
        row = connection.execute(query.encode(), values).fetchone()
    return int(row[0]) if row else None


def _messages(target: Target) -> int | None:
    if not target.broker_url:
        return None
    try:
        return sum(queue.messages for queue in queues.look(target.broker_url, "calls", "calls.dead").values())
    except (OSError, amqp.AMQPError):
        return None


async def _rooms(target: Target, prefix: str) -> int:
    async with api.LiveKitAPI(target.livekit_url, *target.livekit_key) as livekit:
        found = await livekit.room.list_rooms(api.ListRoomsRequest())
    return sum(room.name.startswith(prefix) for room in found.rooms)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
