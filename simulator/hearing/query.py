"""The query parameters of a handshake."""

from collections.abc import Callable

from aiohttp import web


class Query:
    """Reads query parameters; `error` makes what is raised for a wrong one."""

    def __init__(self, request: web.Request, error: Callable[[str], Exception]) -> None:
        self._query = request.query
        self.wrong = error

    def text(self, name: str, default: str = "") -> str:
        """A parameter as it is."""
        return self._query.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        return self.text(name, str(default)).lower() == "true"

    def number(self, name: str, default: float | None, low: float, high: float) -> float | None:
        """A number between two limits."""
        text = self.text(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise self.wrong(f"{name} is {text!r}: it must be a number from {low:g} to {high:g}")
        return value
