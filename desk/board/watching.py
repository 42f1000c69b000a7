"""What one page shows of the board: by its owner's permissions, and by the filters of the page."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string

from calls.states import Status
from desk.board.live_calls import MOST_CALLS, Board, LiveCall

SHOWN = (("", "All calls"), ("trouble", "With a warning"), ("talking", "Talking"), ("waiting", "Waiting"))


@dataclass(frozen=True, slots=True)
class View:
    """What one person sees of the board: by permission, and by the filters of the page."""

    words: bool
    numbers: bool
    persona: str = ""
    number: str = ""
    show: str = ""

    def calls(self, board: Board) -> list[LiveCall]:
        return [call for call in board.calls if self._shows(call)]

    def _shows(self, call: LiveCall) -> bool:
        if self.persona and self.persona != str(call.persona_id):
            return False
        if self.number and self.number != str(call.number_id):
            return False
        match self.show:
            case "trouble":
                return bool(call.trouble or (self.words and call.mood))
            case "waiting":
                return call.position is not None
            case "talking":
                return call.status == Status.IN_PROGRESS
            case _:
                return True


class Watching:
    """What one page is told of the board: the rows that are not as it has them."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._shown: dict[str, str] = {}
        self._last: dict[str, Any] | None = None

    def news(self, board: Board | None) -> dict[str, Any] | None:
        """`order`: the ids of all calls shown; `rows`: those that changed, as HTML by id. None: nothing is new."""
        if board is None:
            return self._unless_said({"problem": "The database does not answer. Trying again…"})
        shown = {str(call.id): row(call, self._view.words, self._view.numbers) for call in self._view.calls(board)}
        changed = {call_id: html for call_id, html in shown.items() if self._shown.get(call_id) != html}
        self._shown = shown
        counts = {"live": len(board.calls), "waiting": board.waiting}
        return self._unless_said({"order": list(shown), "rows": changed, **counts})

    def _unless_said(self, news: dict[str, Any]) -> dict[str, Any] | None:
        if news == self._last or (self._last and news == {**self._last, "rows": {}}):
            return None
        self._last = news
        return news


@lru_cache(maxsize=4 * MOST_CALLS)
def row(call: LiveCall, words: bool, numbers: bool) -> str:
    """A call's row for those who may read words and see numbers. Most calls look as they did a second ago."""
    return render_to_string("desk/row.html", {"call": call, "words": words, "numbers": numbers})
