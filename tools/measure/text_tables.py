"""Figures as text: numbers, and Markdown tables that are also readable in a terminal."""

from collections.abc import Sequence


def grid(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table with its columns padded."""
    widths = [max(len(line[column]) for line in (headings, *lines)) for column in range(len(headings))]

    def joined(line: Sequence[str]) -> str:
        return "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"

    return "\n".join(
        [joined(headings), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(joined, lines)]
    )


def number(value: float | None, digits: int = 0) -> str:
    """A number with as many digits behind the point, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"
