"""Calls and results that were never placed."""

from datetime import UTC, datetime
from typing import Any

from tests.bench.test_cells import report, said
from tools.loadtest.aftermath import Holding
from tools.loadtest.calls import CallResult, heard
from tools.loadtest.options import Options
from tools.loadtest.report.results import Results
from tools.measure.calls.placing import Placed

CLEAN = Holding(rooms=0, unfinished_calls=0, messages=0, busy_slots=0, worker_files=30, worker_threads=20)


def options(**values: Any) -> Options:
    defaults: dict[str, Any] = {"calls": 2, "duration_s": 60.0, "ramp_up_s": 10.0}
    return Options(**{**defaults, **values})


def placed(room: str = "call-load-1", *replies_ms: float | None, **values: Any) -> Placed:
    """A call that began 5 s after the test; None is a reply that was not heard."""
    utterances = [
        said(ended_s=2.0 + number, reply_heard=ms is not None, reply_latency_ms=ms)
        for number, ms in enumerate(replies_ms)
    ]
    facts = {"room": room, "from_number": "+12025552000", "answered": True}
    every_reply_heard = all(ms is not None for ms in replies_ms)
    return Placed(105.0, report(*utterances, **facts, every_reply_heard=every_reply_heard, **values), room=room)


def call(room: str = "call-load-1", *replies_ms: float | None, **values: Any) -> CallResult:
    """A call of a test that began at 100 s."""
    return heard(placed(room, *replies_ms, **values), origin=100.0)


def results(*calls: CallResult, **values: Any) -> Results:
    defaults: dict[str, Any] = {
        "options": options(),
        "web_url": "http://127.0.0.1:8080",
        "number": "+12025550100",
        "began_at": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "took_s": 65.0,
        "calls": calls,
        "before": CLEAN,
        "after": CLEAN,
        "machine": {"cores": 2},
    }
    return Results(**{**defaults, **values})
