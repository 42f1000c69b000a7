"""Values that came in as JSON: whether PostgreSQL and other readers take them, and what to store if they do not."""

import math
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 64  # of what is stored, sent or told; encoders recurse
MAX_BITS = 1024  # of a whole number: as large as a float, and far below what Python refuses to print
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

type Place = tuple[str, ...]


def walk(value: Any) -> Iterator[tuple[Place, Any]]:
    """Every value inside `value`, itself included, with the keys that lead to it. Without recursion."""
    waiting: list[tuple[Place, Any]] = [((), value)]
    while waiting:
        place, found = waiting.pop()
        yield place, found
        if isinstance(found, dict):
            waiting += [((*place, str(name)), inner) for name, inner in found.items()]
        elif isinstance(found, list):
            waiting += [((*place, str(number)), inner) for number, inner in enumerate(found)]


def fault(value: Any, max_depth: int = MAX_DEPTH) -> str | None:
    """What keeps the value from being stored or sent as JSON, in words without the value; None when nothing does."""
    for place, found in walk(value):
        if len(place) > max_depth:
            return f"it is nested more than {max_depth} levels deep"
        wrong = _fault_of_one(found)
        if wrong:
            return f"{path(place)} {wrong}" if place else f"it {wrong}"
    return None


def _fault_of_one(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, which is not a JSON number"
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return "is a number with too many digits"
    texts = value if isinstance(value, dict) else [value]
    if any(isinstance(text, str) and _NO_TEXT.search(text) for text in texts):
        return "contains an invalid character (NUL or half of a surrogate pair)"
    return None


def path(place: Place) -> str:
    """The place in words, shortened where someone wrote something endless."""
    return storable_text(".".join(step[:64] for step in place[:8]))


def storable_text(text: str) -> str:
    """The text as PostgreSQL takes it: U+FFFD in place of NUL and of half a surrogate pair."""
    return _NO_TEXT.sub("\ufffd", text)


def storable(value: Any, depth: int = 0) -> Any:
    """The value with everything replaced that PostgreSQL does not take as JSON; what is nested too deep is left out."""
    match value:
        case None | bool():
            return value
        case str():
            return storable_text(value)
        case int() if value.bit_length() <= MAX_BITS:
            return value
        case float() if math.isfinite(value):
            return value
        case dict() | list() | tuple() if depth >= MAX_DEPTH:
            return "…"
        case dict():
            return {storable_text(str(name)): storable(inner, depth + 1) for name, inner in value.items()}
        case list() | tuple():
            return [storable(inner, depth + 1) for inner in value]
        case int():
            return "a number with too many digits"
    return storable_text(str(value))
