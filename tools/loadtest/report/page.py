"""The results as a page: one file, without anything from elsewhere."""

from collections.abc import Sequence
from html import escape
from typing import Any

from tools.loadtest.report import plots
from tools.loadtest.report.results import REPLY_P95_MS, Results, live_calls

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 920px; margin: 2em auto; color: #111; }
table { border-collapse: collapse; margin: 1em 0; } td, th { padding: 2px 14px 2px 0; text-align: left; }
td { border-top: 1px solid #e5e7eb; } .good { color: #15803d; } .bad { color: #b91c1c; } svg { margin: .6em 0; }
"""
MOST_FAILURES = 200


def page(results: Results) -> str:
    """The page, as HTML."""
    summary = results.test_summary()
    verdict = "passed" if results.passed else "failed"
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Load test: {verdict}</title>",
        f"<style>{STYLE}</style><h1>Load test: {verdict}</h1><p><b>{escape(summary['label'])}</b></p>",
        *(_verdict(holds, text) for holds, text in results.criteria()),
        *(f"<p>Note: {escape(doubt)}</p>" for doubt in results.doubts()),
        _table(["", "p50", "p95", "p99", "count"], _spreads(summary)),
        *_plots(results),
        _table(
            ["", ""], [[name.replace("_", " "), _text(value)] for name, value in summary.items() if _is_plain(value)]
        ),
        _failures(results),
        _table(["machine", ""], [[name, _text(value)] for name, value in results.machine.items()]),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _verdict(holds: bool, text: str) -> str:
    return f"<p class='{'good' if holds else 'bad'}'>{'✓' if holds else '✗'} {escape(text)}</p>"


def _spreads(summary: dict[str, Any]) -> list[list[str]]:
    titles = {
        "reply_ms": "reply by ear, ms",
        "pickup_ms": "pickup by ear, ms",
        "ring_to_claim_ms": "ring to claim, ms",
        "webhook_ms": "webhook answered, ms",
    }
    return [
        [title, *(_text(summary[name][column]) for column in ("p50", "p95", "p99", "count"))]
        for name, title in titles.items()
        if summary[name]["count"]
    ]


def _plots(results: Results) -> list[str]:
    calls = results.calls
    replies = [point for call in calls for point in call.replies]
    pickups = [(call.began_s, call.pickup_ms) for call in calls if call.pickup_ms is not None]
    webhooks = [(call.began_s, ms) for call in calls for ms in call.webhooks_ms]
    found = [plots.steps("Calls at once", live_calls(calls))] if calls else []
    if replies:
        found.append(plots.scatter("Reply latency by ear, ms", replies, REPLY_P95_MS, "target of the p95"))
        found.append(plots.histogram("Replies by latency", results.replies_ms, "ms"))
    if pickups:
        found.append(plots.scatter("Pickup by ear, ms", pickups))
    if webhooks:
        found.append(plots.scatter("Webhook answered, ms (by the beginning of the call)", webhooks))
    return found


def _failures(results: Results) -> str:
    failed = [call for call in results.calls if not call.success]
    if not failed:
        return ""
    lines = [[f"{call.began_s:.1f}", call.room, call.caller, call.reason] for call in failed[:MOST_FAILURES]]
    title = f"<h2>Calls that failed: {len(failed)}</h2>"
    return title + _table(["after, s", "room", "caller", "reason"], lines)


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    if not lines:
        return ""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
