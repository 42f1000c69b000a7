"""When Flux ends a turn, and how a client changes it."""

from collections.abc import Mapping
from typing import Any

from simulator.hearing.query import Query

DEFAULT_EOT_THRESHOLD = 0.7
DEFAULT_EOT_TIMEOUT_MS = 5000

_RANGES = {"eot_threshold": (0.5, 1.0), "eager_eot_threshold": (0.3, 0.9), "eot_timeout_ms": (500, 60000)}


class Thresholds:
    """When a turn ends. Confidences are from 0 to 1; `eager` None gives no EagerEndOfTurn."""

    def __init__(self) -> None:
        self.end = DEFAULT_EOT_THRESHOLD
        self.eager: float | None = None
        self.timeout_ms = float(DEFAULT_EOT_TIMEOUT_MS)

    @classmethod
    def from_query(cls, query: Query) -> "Thresholds":
        """Read them from a handshake; HTTP 400 for one that is out of range."""
        self = cls()
        self.end = query.number("eot_threshold", self.end, *_RANGES["eot_threshold"]) or self.end
        self.eager = query.number("eager_eot_threshold", None, *_RANGES["eager_eot_threshold"])
        self.timeout_ms = query.number("eot_timeout_ms", self.timeout_ms, *_RANGES["eot_timeout_ms"]) or self.timeout_ms
        if self.eager is not None and self.eager > self.end:
            raise query.wrong("eager_eot_threshold must not be greater than eot_threshold")
        return self

    def change(self, values: Mapping[str, Any]) -> str:
        """Apply a Configure message; return what is wrong with it, or nothing."""
        for name, value in values.items():
            if name not in _RANGES:
                return f"unknown threshold {name}"
            low, high = _RANGES[name]
            if value is not None and (not isinstance(value, int | float) or not low <= value <= high):
                return f"{name} must be from {low:g} to {high:g}"
        self.end = values.get("eot_threshold") or self.end
        if "eager_eot_threshold" in values:
            self.eager = values["eager_eot_threshold"]
        self.timeout_ms = values.get("eot_timeout_ms") or self.timeout_ms
        return ""

    def describe(self) -> dict[str, float | None]:
        """As JSON."""
        values = {"eot_threshold": self.end, "eager_eot_threshold": self.eager, "eot_timeout_ms": int(self.timeout_ms)}
        return {name: value for name, value in values.items() if value is not None}
