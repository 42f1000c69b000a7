"""The rows as a picture: bars in plain SVG, which needs no library and reads well in a repository."""

from collections.abc import Sequence

from tools.bench.compare.tables import TABLES, Row
from tools.measure.svg import text

PANELS = (
    ("cores_a_call", "cores a call", 3),
    ("pss_a_call_mb", "MB a call (PSS)", 0),
    ("reply_p50_ms", "reply p50, ms", 0),
    ("reply_p95_ms", "reply p95, ms", 0),
    ("pickup_p50_ms", "pickup p50, ms", 0),
)
COLOURS = {"ours": "#2563eb", "livekit-agents": "#d97706", "pipecat": "#6b7280"}
_WIDTH, _HEIGHT, _GAP, _TOP = 190, 150, 34, 64


def plot(rows: Sequence[Row], caption: str) -> str:
    """An SVG document: a line of panels for each table, each with a group of bars for each load. Pale: invalid."""
    keys = list(dict.fromkeys(row.table for row in rows))
    width = _GAP + len(PANELS) * (_WIDTH + _GAP)
    line = _HEIGHT + 92
    height = _TOP + len(keys) * line
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        'font-size="11"><rect width="100%" height="100%" fill="white"/>',
        text(_GAP, 20, caption, size=13),
        *_legend([name for name in COLOURS if any(row.contender == name for row in rows)]),
    ]
    for index, key in enumerate(keys):
        top = _TOP + index * line
        parts.append(text(_GAP, top + 14, TABLES[key].title, size=12))
        mine = [row for row in rows if row.table == key]
        for column, (name, title, digits) in enumerate(PANELS):
            parts += _panel(mine, name, title, digits, _GAP + column * (_WIDTH + _GAP), top + 38)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for index, name in enumerate(names):
        left = _GAP + index * 130
        parts.append(f'<rect x="{left}" y="32" width="11" height="11" fill="{COLOURS[name]}"/>')
        parts.append(text(left + 16, 42, name))
    return parts


def _panel(rows: Sequence[Row], name: str, title: str, digits: int, left: float, top: float) -> list[str]:
    parts = [text(left, top - 4, title)]
    values = [row.figures[name] for row in rows]
    highest = max((value for value in values if value is not None), default=0.0) or 1.0
    step = _WIDTH / max(len(rows) + len({row.calls for row in rows}), 1)
    x = left
    for calls in dict.fromkeys(row.calls for row in rows):
        group = [row for row in rows if row.calls == calls]
        parts.append(text(x, top + _HEIGHT + 26, f"{calls} call{'s' if calls > 1 else ''}"))
        for row in group:
            parts += _bar(row, row.figures[name], highest, digits, (x, top, step))
            x += step
        x += step
    return parts


def _bar(row: Row, value: float | None, highest: float, digits: int, place: tuple[float, float, float]) -> list[str]:
    x, top, step = place
    if value is None:
        return [text(x, top + _HEIGHT, "–")]
    tall = value / highest * (_HEIGHT - 14)
    bottom = top + _HEIGHT
    opacity = 1.0 if row.valid_rounds else 0.35
    return [
        f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{step * 0.86:.1f}" height="{tall:.1f}" '
        f'fill="{COLOURS.get(row.contender, "#999")}" fill-opacity="{opacity}"/>',
        text(x, bottom - tall - 3, f"{value:.{digits}f}", size=8),
    ]
