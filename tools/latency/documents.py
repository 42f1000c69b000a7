"""The analysis as files: JSON with everything, CSV with one row per call and one row per turn."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.latency.analysis import Call, LeftOut, latency_figures, overall

MEASURED = {
    "reply": "from the caller's last sound to the agent's first, on the recording; negative: the agent began before",
    "interruption": "one side begins while the other speaks, and both do for 200 ms or more",
    "dead_air": "neither side speaks",
}


def document(calls: Sequence[Call], left_out: Sequence[LeftOut], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, as JSON values. Times are seconds from a recording's start unless their names say ms."""
    return {
        "settings": dict(settings),
        "measured": MEASURED,
        "overall": overall(calls),
        "calls": [_call_document(call) for call in calls],
        "left_out": [asdict(each) for each in left_out],
    }


def _call_document(call: Call) -> dict[str, Any]:
    talk = call.conversation
    found = {
        "turns": [asdict(each) for each in talk.turns],
        "replies": [asdict(each) | {"latency_ms": each.latency_ms} for each in talk.replies],
        "interruptions": [asdict(each) for each in talk.interruptions],
        "dead_air": [asdict(each) | {"lasted_s": each.lasted_s} for each in talk.dead_air],
    }
    rounded: dict[str, Any] = _rounded(found)
    return call_row(call) | rounded


def call_row(call: Call) -> dict[str, Any]:
    """A call's figures, flat."""
    talk, source = call.conversation, call.source
    figures = latency_figures(call.latencies_ms)
    by_caller = [each for each in talk.interruptions if each.by == "caller"]
    row = {
        "name": source.name,
        "call_sid": source.call_sid,
        "called_number": source.called_number,
        "recorded_at": source.recorded_at,
        "duration_s": talk.duration_s,
        "greeting_s": talk.greeting_s,
        "caller_speech_s": talk.speech_s("caller"),
        "agent_speech_s": talk.speech_s("agent"),
        "reply_count": figures["count"],
        "reply_p50_ms": figures["p50_ms"],
        "reply_p95_ms": figures["p95_ms"],
        "reply_slowest_ms": figures["slowest_ms"],
        "interruptions_by_caller": len(by_caller),
        "interruptions_by_agent": len(talk.interruptions) - len(by_caller),
        "overlap_s": talk.overlap_s,
        "dead_air_count": len(talk.dead_air),
        "dead_air_s": sum(each.lasted_s for each in talk.dead_air),
    }
    rounded: dict[str, Any] = _rounded(row)
    return rounded


def turn_rows(call: Call) -> list[dict[str, Any]]:
    """A call's turns, flat."""
    rounded: list[dict[str, Any]] = _rounded([asdict(turn) for turn in call.conversation.turns])
    return [{"name": call.source.name, "turn": number, **turn} for number, turn in enumerate(rounded, 1)]


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=1) + "\n")


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file with a header; an empty field is a value that is not there."""
    listed = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]) if listed else [])
        writer.writeheader()
        writer.writerows({name: _harmless(value) for name, value in row.items()} for row in listed)


def _harmless(value: Any) -> Any:
    """A file's name that a spreadsheet would take for a formula, as text; a number stays one."""
    is_formula = isinstance(value, str) and value[:1] in ("=", "@", "-", "\t", "\r")
    return f"'{value}" if is_formula else value


def _rounded(value: Any) -> Any:
    """The value with all its numbers to a thousandth: a millisecond, or less."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
