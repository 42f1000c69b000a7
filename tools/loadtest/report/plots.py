"""Plots of a load test, as SVG."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tools.measure.svg import new_figure, svg

BLUE, RED, GRAY = "#2563eb", "#dc2626", "#e5e7eb"

type Points = Sequence[tuple[float, float]]


def _empty(title: str, unit_x: str) -> tuple[Figure, Axes]:
    figure = new_figure(9.2, 2.4)
    axes = figure.subplots()
    axes.set_title(title, loc="left")
    axes.set_xlabel(unit_x)
    axes.grid(axis="y", color=GRAY)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _from_zero(figure: Figure, axes: Axes) -> str:
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    return svg(figure)


def scatter(title: str, points: Points, limit: float | None = None, label: str = "") -> str:
    """A dot for each (s, value), with a red line at the limit."""
    figure, axes = _empty(title, "s")
    axes.scatter([x for x, _ in points], [y for _, y in points], s=12, color=BLUE, alpha=0.6)
    if limit is not None:
        axes.axhline(limit, color=RED)
        axes.annotate(label, (1, limit), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=RED)
    return _from_zero(figure, axes)


def histogram(title: str, values: Sequence[float], unit: str, bars: int = 40) -> str:
    """How many values lie in each of so many ranges of the same width."""
    figure, axes = _empty(title, unit)
    axes.hist(values, bars, range=(0.0, max(values, default=0.0) or 1.0), color=BLUE, rwidth=0.9)
    return _from_zero(figure, axes)


def steps(title: str, points: Points) -> str:
    """A value that holds until the next (s, value)."""
    figure, axes = _empty(title, "s")
    axes.step([0.0, *(x for x, _ in points)], [0.0, *(y for _, y in points)], where="post", color=BLUE)
    return _from_zero(figure, axes)
