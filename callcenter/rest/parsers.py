"""JSON from API clients: malformed input is refused before validation."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions, parsers

DEEPEST = 20  # levels; no request of the API has more than three


class JSONParser(parsers.JSONParser):
    """Refuses NaN and infinities, as Django REST framework does, and bodies that are nested too deeply."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            body = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError(f"JSON parse error - more than {DEEPEST} levels") from error
        if _is_deeper_than(DEEPEST, body):
            raise exceptions.ParseError(f"JSON parse error - more than {DEEPEST} levels")
        return body


def _is_deeper_than(levels: int, value: Any) -> bool:
    """Level by level and not recursively: the value may be deeper than Python's stack."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
