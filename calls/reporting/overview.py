"""The content of `GET /stats`: two queries and one request to the broker, at most every second.

Figures over time cover the last hour, by the time at which calls ended and replies were given, without tests.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection

from calls.lifecycle import capacity, leases
from calls.lifecycle.capacity import Capacity
from calls.reporting.success import success_rate
from calls.states import EndReason, Status
from common import broker
from common.broker import BROKER_ERRORS
from common.cached_value import CachedValue

log = structlog.get_logger(__name__)

FRESH_S = 1.0
STARTED = time.monotonic()
LONGEST_CALL = "5 hours"  # no persona talks for more than four: older calls need not be looked at
WINDOWS_MIN = (1, 5, 60)
ERRORS: dict[str, frozenset[EndReason]] = {
    "connection": frozenset({EndReason.CONNECT_FAILED, EndReason.ROOM_GONE, EndReason.DIAL_FAILED}),
    "pipeline": frozenset({EndReason.PIPELINE_ERROR, EndReason.PROVIDER_FAILURE}),
    "dispatch": frozenset({EndReason.AGENT_LOST, EndReason.NO_AGENT_FREE}),
}
"""Which ends of calls count as which kind of error."""

_QUERY = """
WITH recent AS MATERIALIZED (
    SELECT id, status, end_reason, ended_at FROM calls_call
    WHERE created_at > now() - %(longest)s::interval AND NOT is_test
      AND (ended_at IS NULL OR ended_at > now() - interval '60 minutes')
), reply AS MATERIALIZED (
    SELECT turn.reply_ms, now() - turn.started_at AS age
    FROM recent JOIN calls_turn turn ON turn.call_id = recent.id
    WHERE turn.reply_ms IS NOT NULL AND turn.started_at > now() - interval '60 minutes'
), latency AS (
    SELECT minutes, count(reply_ms) AS replies,
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY reply_ms) AS percentiles
    FROM unnest(%(windows)s) AS minutes LEFT JOIN reply ON age < make_interval(mins => minutes)
    GROUP BY minutes
)
SELECT json_build_object(
    'ends', (SELECT coalesce(json_agg(json_build_array(status, end_reason, n)), '[]')
             FROM (SELECT status, end_reason, count(*) AS n FROM recent WHERE ended_at IS NOT NULL
                   GROUP BY status, end_reason) AS by_reason),
    'latency', (SELECT json_object_agg(minutes, json_build_array(replies, percentiles)) FROM latency)
)::text
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Replies of a window, and the percentiles of their latency in ms; None without a reply."""

    replies: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Calls, slots and workers now; missed calls, success rate, errors by kind and latencies of the last hour.

    `success_rate` is as calls.reporting.success defines it. `queue_length`: messages that no worker has taken; None
    when the broker does not say. `latency` is by minutes.
    """

    active_calls: int
    queued_calls: int
    missed_calls: int
    slots_total: int
    slots_free: int
    workers: int
    queue_length: int | None
    success_rate: float | None
    errors: dict[str, int]
    latency: dict[int, Latency]


def uptime_s() -> float:
    """How long this web process has been running, in seconds."""
    return time.monotonic() - STARTED


def look() -> Overview:
    """Ask the database and the broker. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"longest": LONGEST_CALL, "windows": list(WINDOWS_MIN)})
        [text] = cursor.fetchone()
    return _overview(capacity.measure(leases.LEASE), json.loads(text), _queue_length())


overview = CachedValue(look, FRESH_S)


def _overview(now: Capacity, found: dict[str, Any], queue_length: int | None) -> Overview:
    ends = {(status, reason): count for status, reason, count in found["ends"]}
    return Overview(
        active_calls=now.held,
        queued_calls=now.queued,
        missed_calls=sum(count for (status, _), count in ends.items() if status == Status.MISSED),
        slots_total=now.slots,
        slots_free=now.free,
        workers=now.workers,
        queue_length=queue_length,
        success_rate=success_rate(ends),
        errors={
            kind: sum(count for (_, reason), count in ends.items() if reason in reasons)
            for kind, reasons in ERRORS.items()
        },
        latency={
            int(minutes): Latency(replies, *(percentiles or (None, None, None)))
            for minutes, (replies, percentiles) in found["latency"].items()
        },
    )


def _queue_length() -> int | None:
    try:
        return broker.waiting_messages("calls")
    except BROKER_ERRORS as error:
        log.warning("queue_length_unknown", error=type(error).__name__)
        return None
