"""Figures of matplotlib as SVG documents."""

from io import StringIO

import matplotlib
from matplotlib.figure import Figure

# For the whole program: some of these count when a text is made, some when it is drawn.
matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text, which can be searched and read aloud
        "text.parse_math": False,  # a dollar sign is one
        "font.family": "sans-serif",
        "font.size": 8,
    }
)


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure whose parts keep clear of each other."""
    return Figure(figsize=(width_in, height_in), layout="constrained")


def svg(figure: Figure) -> str:
    """The figure as an <svg> element, without a date, so that the same figures are the same picture."""
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
