"""The benchmark's arithmetic: percentiles, medians of rounds, ratios pair by pair, slopes."""

import math
from collections.abc import Iterable, Sequence
from statistics import median


def percentile(values: Iterable[float], percent: float) -> float | None:
    """The smallest value that is not below `percent` of 100 of all of them (nearest rank); None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def middle(values: Iterable[float | None]) -> float | None:
    """The median of what is there; None when nothing is."""
    found = [value for value in values if value is not None]
    return median(found) if found else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """How many times theirs ours is; None when one is missing or theirs is nothing."""
    if ours is None or not theirs:
        return None
    return ours / theirs


def paired_ratio(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """The median of the ratios of rounds: each round of ours against the same round of theirs.

    So a machine that was slower for a while changes both sides of a pair and not the result.
    """
    return middle(ratio(mine, other) for mine, other in zip(ours, theirs, strict=False))


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """The least-squares slope of (x, y) points; None when their x are not at least two different ones."""
    if not points:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return None
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def marginal(by_load: Sequence[tuple[int, float | None]]) -> float | None:
    """What one more call costs: the rise from the smallest to the largest load, divided by the calls between them."""
    known = sorted((calls, value) for calls, value in by_load if value is not None)
    if len(known) < 2 or known[0][0] == known[-1][0]:
        return None
    return (known[-1][1] - known[0][1]) / (known[-1][0] - known[0][0])
