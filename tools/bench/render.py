"""Rows as text: a Markdown table that is also readable in a terminal."""

from collections.abc import Sequence

from tools.bench.tables import COMPARED, TABLES, Row

HEADINGS = (
    "calls",
    "contender",
    "cores a call (agents)",
    "MB a call (PSS)",
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


def grid(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table with its columns padded."""
    widths = [max(len(line[column]) for line in (headings, *lines)) for column in range(len(headings))]

    def joined(line: Sequence[str]) -> str:
        return "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"

    return "\n".join(
        [joined(headings), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(joined, lines)]
    )


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


def number(value: float | None, digits: int = 0) -> str:
    """A number with as many digits behind the point, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"
