"""The figures of a policy, and its table in the terminal."""

from collections.abc import Sequence
from typing import Any

from tools.bench.turns.cases import KINDS
from tools.bench.turns.judge import Outcome, Verdict
from tools.measure.arithmetic import percentile
from tools.measure.text_tables import grid, number

WRONG: tuple[Verdict, ...] = ("false stop", "missed stop", "early reply", "late reply", "not run")
_PLURALS = {"false stop": "false stops", "missed stop": "missed stops", "early reply": "early replies"} | {
    "late reply": "late replies",
    "not run": "not run",
}
HEADINGS = (
    *("kind", "cases", "right", *(_PLURALS[verdict] for verdict in WRONG)),
    *("hesitations (median, ms)", "time to silence p50 / p95, ms", "reply p50 / p95, ms"),
)


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts by verdict; times in ms. Replies are those of right cases: a late one counts as late."""
    silences = [one.silence_ms for one in outcomes if one.silence_ms is not None]
    replies = [one.reply_ms for one in outcomes if one.reply_ms is not None and one.verdict == "right"]
    hesitations = [ms for one in outcomes for ms in one.hesitations_ms]
    verdicts = [one.verdict for one in outcomes]
    return {
        "cases": len(outcomes),
        "right": verdicts.count("right"),
        **{_PLURALS[verdict].replace(" ", "_"): verdicts.count(verdict) for verdict in WRONG},
        "hesitations": len(hesitations),
        "hesitation_p50_ms": percentile(hesitations, 50),
        "silence_p50_ms": percentile(silences, 50),
        "silence_p95_ms": percentile(silences, 95),
        "reply_p50_ms": percentile(replies, 50),
        "reply_p95_ms": percentile(replies, 95),
    }


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """The figures of each kind that has cases, and of all."""
    kinds = {kind: [one for one in outcomes if one.case.kind == kind] for kind in KINDS}
    return {kind: figures(group) for kind, group in kinds.items() if group} | {"all": figures(outcomes)}


def render(policy: str, outcomes: Sequence[Outcome]) -> str:
    """A policy's table, and the list of its wrong cases."""
    lines = [_cells(kind.replace("_", " "), row) for kind, row in by_kind(outcomes).items()]
    wrong = [one for one in outcomes if one.verdict != "right"]
    noted = [one for one in outcomes if one.verdict == "right" and one.what]
    parts = [f"### {policy}\n", grid(HEADINGS, lines)]
    if wrong or noted:
        parts.append("")
    parts += [f"- {one.case.name}: {one.verdict}: {one.what}" for one in wrong]
    parts += [f"- {one.case.name}: right, but it {one.what}" for one in noted]
    return "\n".join(parts) + "\n"


def _cells(kind: str, row: dict[str, Any]) -> list[str]:
    hesitations = str(row["hesitations"])
    if row["hesitations"]:
        hesitations += f" ({number(row['hesitation_p50_ms'])})"
    return [
        kind,
        str(row["cases"]),
        str(row["right"]),
        *(str(row[_PLURALS[verdict].replace(" ", "_")]) for verdict in WRONG),
        hesitations,
        f"{number(row['silence_p50_ms'])} / {number(row['silence_p95_ms'])}",
        f"{number(row['reply_p50_ms'])} / {number(row['reply_p95_ms'])}",
    ]
