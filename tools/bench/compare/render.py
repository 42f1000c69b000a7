"""Rows as text: a Markdown table that is also readable in a terminal."""

from collections.abc import Sequence

from tools.bench.compare.tables import COMPARED, TABLES, Row
from tools.measure.text_tables import grid, number

HEADINGS = (
    "calls",
    "contender",
    "cores per call (agents)",
    "MB per call (PSS)",
    "one more call, MB",
    "idle, MB",
    "control plane, MB",
    "reply p50 / p95 / p99, ms",
    "pickup p50 / p95, ms",
    "barge-in p50 / p95, ms",
    "lost",
    "early",
    "callers late, ms",
    "valid rounds",
)


def render(rows: Sequence[Row]) -> str:
    """Every table of the rows, with its rules and ratios, as Markdown."""
    parts = []
    for key in dict.fromkeys(row.table for row in rows):
        mine = [row for row in rows if row.table == key]
        table = TABLES[key]
        parts.append(f"### {table.title}\n")
        parts.append("\n".join(f"- {rule}" for rule in table.rules) + "\n")
        parts.append(grid(HEADINGS, [_cells(row) for row in mine]) + "\n")
        compared = [row for row in mine if any(value is not None for value in row.ratios.values())]
        if compared:
            parts.append("Ours divided by each, median of the rounds' ratios:\n")
            headings = ("calls", "against", *(name.removesuffix("_ms").replace("_", " ") for name in COMPARED))
            parts.append(grid(headings, [_ratio_cells(row) for row in compared]) + "\n")
    return "\n".join(parts)


def _cells(row: Row) -> list[str]:
    figures = row.figures
    return [
        str(row.calls),
        row.contender,
        f"{number(figures['cores_a_call'], 3)} ({number(figures['agent_cores_a_call'], 3)})",
        number(figures["pss_a_call_mb"]),
        number(row.marginal_pss_mb),
        number(figures["idle_pss_mb"]),
        number(figures["control_pss_mb"]),
        " / ".join(number(figures[f"reply_{p}_ms"]) for p in ("p50", "p95", "p99")),
        " / ".join(number(figures[f"pickup_{p}_ms"]) for p in ("p50", "p95")),
        " / ".join(number(figures[f"barge_in_{p}_ms"]) for p in ("p50", "p95")),
        f"{row.lost} of {row.expected}",
        str(row.early),
        number(row.lateness_p99_ms),
        f"{row.valid_rounds} of {row.rounds}" + ("" if row.valid_rounds else " INVALID"),
    ]


def _ratio_cells(row: Row) -> list[str]:
    return [str(row.calls), row.contender, *(number(row.ratios[name], 2) for name in COMPARED)]
