"""Counts events within a time window for all web processes together, in Redis.

While Redis is down, each process counts for itself: as many limits as there are processes, and nobody is locked out.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.cache import BaseCache, caches
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

AWAY_S = 5.0  # how long Redis is not asked again after it did not answer


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted since the window began with the first occurrence, and in how many seconds it ends."""

    count: int
    ends_in_s: float


class JsonSerializer:
    """Keeps numbers as text: so that nobody who writes to Redis can run code through a pickle."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class Counter:
    """Counts in Redis, and in the memory of this process while Redis is down. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ask_again_at = 0.0

    def add(self, key: str, window_s: float) -> Window:
        """Count one more, and return what is counted with it."""
        return self._in_a_cache(lambda cache: _add(cache, key, window_s))

    def look(self, key: str, window_s: float) -> Window:
        """Return what is counted, without counting."""
        return self._in_a_cache(
            lambda cache: Window(cache.get(key) or 0, _ends_in_s(cache, key, time.time(), window_s))
        )

    def _in_a_cache(self, use: Callable[[BaseCache], Window]) -> Window:
        if time.monotonic() >= self._ask_again_at:
            try:
                return use(caches["shared"])
            except RedisError as error:
                self._give_up(error)
        return use(caches["default"])

    def _give_up(self, error: RedisError) -> None:
        with self._lock:
            self._ask_again_at = time.monotonic() + AWAY_S
        log.warning("shared_cache_away", error=type(error).__name__, counted="by each process for itself")


counter = Counter()


def _add(cache: BaseCache, key: str, window_s: float) -> Window:
    now = time.time()
    if cache.add(key, 0, window_s):
        cache.set(_end(key), now + window_s, window_s)
    try:
        count = cache.incr(key)
    except ValueError:  # the window ended between the two
        count = 1
        cache.set(key, count, window_s)
    return Window(count, _ends_in_s(cache, key, now, window_s))


def _end(key: str) -> str:
    return f"{key}:end"


def _ends_in_s(cache: BaseCache, key: str, now: float, window_s: float) -> float:
    return max(0.0, float(cache.get(_end(key)) or now + window_s) - now)
