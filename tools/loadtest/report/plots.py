"""Plots of a load test in plain SVG."""

from collections.abc import Sequence

from tools.measure.svg import text

WIDTH, HEIGHT = 880, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 28, 30
BLUE, RED, GREY = "#2563eb", "#dc2626", "#e5e7eb"
_STEPS = (1, 2, 5)

type Points = Sequence[tuple[float, float]]


class _Frame:
    """Two axes from 0; `x` and `y` turn values into places."""

    def __init__(self, title: str, most_x: float, most_y: float, unit_x: str) -> None:
        self._most_x, self._most_y = most_x or 1.0, most_y or 1.0
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
            '<rect width="100%" height="100%" fill="white"/>',
            text(LEFT, 16, title, size=13),
        ]
        for value in ticks(self._most_y):
            self._line(LEFT, self.y(value), WIDTH - RIGHT, self.y(value), GREY)
            self.parts.append(text(4, self.y(value) + 4, f"{value:,g}"))
        for value in ticks(self._most_x):
            self.parts.append(text(self.x(value), HEIGHT - 10, f"{value:,g} {unit_x}"))

    def x(self, value: float) -> float:
        return LEFT + value / self._most_x * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self._most_y * (HEIGHT - TOP - BOTTOM)

    def limit(self, value: float, label: str) -> None:
        """A red line across."""
        if value <= self._most_y:
            self._line(LEFT, self.y(value), WIDTH - RIGHT, self.y(value), RED)
            self.parts.append(text(WIDTH - RIGHT - 120, self.y(value) - 4, label))

    def _line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>')

    def document(self) -> str:
        return "\n".join([*self.parts, "</svg>"])


def scatter(title: str, points: Points, limit: float | None = None, label: str = "") -> str:
    """A dot for each (s, value), with a red line at the limit."""
    frame = _Frame(title, max((x for x, _ in points), default=1), max((*(y for _, y in points), limit or 0)), "s")
    for x, y in points:
        frame.parts.append(
            f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="3" fill="{BLUE}" fill-opacity=".6"/>'
        )
    if limit is not None:
        frame.limit(limit, label)
    return frame.document()


def histogram(title: str, values: Sequence[float], unit: str, bars: int = 40) -> str:
    """How many values lie in each of so many ranges of the same width."""
    width = max(values, default=1.0) / bars or 1.0
    counts = [0] * bars
    for value in values:
        counts[min(int(value / width), bars - 1)] += 1
    frame = _Frame(title, width * bars, max(counts), unit)
    for index, count in enumerate(counts):
        left, top = frame.x(index * width), frame.y(count)
        wide = frame.x((index + 1) * width) - left - 1
        frame.parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{frame.y(0) - top:.1f}" fill="{BLUE}"/>'
        )
    return frame.document()


def steps(title: str, points: Points) -> str:
    """A value that holds until the next (s, value)."""
    frame = _Frame(title, max((x for x, _ in points), default=1), max((y for _, y in points), default=1), "s")
    path, level = [f"M{frame.x(0):.1f} {frame.y(0):.1f}"], 0.0
    for x, y in points:
        path.append(f"L{frame.x(x):.1f} {frame.y(level):.1f} L{frame.x(x):.1f} {frame.y(y):.1f}")
        level = y
    frame.parts.append(f'<path d="{" ".join(path)}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>')
    return frame.document()


def ticks(most: float) -> list[float]:
    """Round values from 0 to `most`, at most six."""
    size = 1e-6
    while True:
        for step in _STEPS:
            count = most / (step * size) + 1e-9  # 0.004 / 0.001 may be a little less than 4
            if count < 5.5:
                return [round(index * step * size, 9) for index in range(int(count) + 1)]
        size *= 10
