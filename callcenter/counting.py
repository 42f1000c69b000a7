"""How often something happened within a time, counted in a cache."""

import time
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted since the window began with the first occurrence, and in how many seconds it ends."""

    count: int
    ends_in_s: float


def add(key: str, window_s: float) -> Window:
    """Count one more, and return what is counted with it."""
    now = time.time()
    if cache.add(key, 0, window_s):
        cache.set(_end(key), now + window_s, window_s)
    try:
        count = cache.incr(key)
    except ValueError:  # the window ended between the two
        count = 1
        cache.set(key, count, window_s)
    return Window(count, _ends_in_s(key, now, window_s))


def look(key: str, window_s: float) -> Window:
    """Return what is counted, without counting."""
    return Window(cache.get(key, 0), _ends_in_s(key, time.time(), window_s))


def _end(key: str) -> str:
    return f"{key}:end"


def _ends_in_s(key: str, now: float, window_s: float) -> float:
    return max(0.0, float(cache.get(_end(key), now + window_s)) - now)
