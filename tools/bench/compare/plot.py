"""The rows as a picture: a panel of bars for each figure, a line of panels for each table."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from tools.bench.compare.tables import TABLES, Row
from tools.measure.svg import new_figure, svg
from tools.measure.text_tables import number

PANELS = (
    ("cores_a_call", "cores per call", 3),
    ("pss_a_call_mb", "MB per call (PSS)", 0),
    ("reply_p50_ms", "reply p50, ms", 0),
    ("reply_p95_ms", "reply p95, ms", 0),
    ("pickup_p50_ms", "pickup p50, ms", 0),
)
COLORS = {"ours": "#2563eb", "livekit-agents": "#d97706", "pipecat": "#6b7280"}
PALE = 0.35


def plot(rows: Sequence[Row], caption: str) -> str:
    """An SVG document with a group of bars for each load. Pale: invalid."""
    keys = list(dict.fromkeys(row.table for row in rows))
    figure = new_figure(14, 1 + 3 * len(keys))
    figure.suptitle(caption)
    names = [name for name in COLORS if any(row.contender == name for row in rows)]
    figure.legend(handles=[Patch(color=COLORS[name], label=name) for name in names], loc="outside lower left", ncols=3)
    for part, key in zip(figure.subfigures(len(keys), 1, squeeze=False).flat, keys, strict=True):
        part.suptitle(TABLES[key].title)
        mine = [row for row in rows if row.table == key]
        for axes, (name, title, digits) in zip(part.subplots(1, len(PANELS)), PANELS, strict=True):
            _panel(axes, mine, name, digits)
            axes.set_title(title)
    return svg(figure)


def _panel(axes: Axes, rows: Sequence[Row], name: str, digits: int) -> None:
    loads = list(dict.fromkeys(row.calls for row in rows))
    contenders = list(dict.fromkeys(row.contender for row in rows))
    width = 0.8 / len(contenders)
    for row in rows:
        value = row.figures[name]
        x = loads.index(row.calls) + width * (contenders.index(row.contender) - (len(contenders) - 1) / 2)
        alpha = 1.0 if row.valid_rounds else PALE
        bar = axes.bar(x, value or 0.0, width * 0.9, color=COLORS.get(row.contender, "#999"), alpha=alpha)
        axes.bar_label(bar, [number(value, digits)])
    axes.set_xticks(range(len(loads)), [f"{calls} call{'s' if calls > 1 else ''}" for calls in loads])
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
