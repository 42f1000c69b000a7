"""Checks of the single fields of a scenario; each failure is one line that names the source, the field and the cure."""

from collections.abc import Mapping, Sequence
from typing import Any


class ScenarioError(ValueError):
    """A scenario that cannot be used; the message names the file, the field and the cure in one line."""


class Reader:
    """Checks of single fields; each failure names the source and the field."""

    def __init__(self, source: str) -> None:
        self._source = source

    def error(self, where: str, problem: str) -> ScenarioError:
        """The error for a field, to be raised."""
        return ScenarioError(f"{self._source}: {where}: {problem}")

    def mapping(self, value: object, where: str, allowed: set[str]) -> Mapping[str, Any]:
        """A mapping with no other keys than `allowed`."""
        if not isinstance(value, Mapping):
            raise self.error(where, f"must be a mapping with {', '.join(sorted(allowed))}")
        for key in value:
            if key not in allowed:
                raise self.error(where, f"unknown field {key!r}: use one of {', '.join(sorted(allowed))}")
        return value

    def text(self, value: object, where: str) -> str:
        """Text that is not empty."""
        if not isinstance(value, str) or not value.strip():
            raise self.error(where, "must be text that is not empty")
        return value.strip()

    def number(self, value: object, where: str) -> float:
        """A number that is not negative."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.error(where, "must be a number that is not negative")
        return float(value)

    def flag(self, value: object, where: str) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            raise self.error(where, "must be true or false")
        return value

    def items(self, value: object, where: str) -> Sequence[Any]:
        """A list."""
        if not isinstance(value, list):
            raise self.error(where, "must be a list: begin each entry with '- '")
        return value
