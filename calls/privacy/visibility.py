"""What someone may see of a call: words with `calls.view_turn`, callers' numbers with `calls.view_caller_number`."""

from typing import Any

from calls.models import CallEvent
from calls.models.dead_letter import Cause

# Details of events that name what the call center did. Anything else may contain what was said: keys that the
# caller pressed, an argument that a tool refused, an error in a provider's words.
HARMLESS = frozenset(
    {"reason", "holder", "persona", "stage", "from", "to", "tool", "took_ms", "times", "by", "category", "after_hours"}
)


def may_read_words(user: Any) -> bool:
    """Whether someone may read what was said in calls."""
    return bool(user.has_perm("calls.view_turn"))


def may_see_numbers(user: Any) -> bool:
    """Whether someone may see callers' full numbers in lists, and find calls by them."""
    return bool(user.has_perm("calls.view_caller_number"))


def visible_detail(event: CallEvent, *, with_words: bool) -> dict[str, Any]:
    """The event's detail, without what may hold what was said unless `with_words`."""
    if with_words:
        return dict(event.detail)
    return {key: value for key, value in event.detail.items() if key in HARMLESS or (key == "why" and value in Cause)}
