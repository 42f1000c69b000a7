"""Two texts side by side, with the words that differ marked. Everything from the texts is escaped."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.services import Difference

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class HighlightedDifference:
    """One field of two versions; both sides are HTML, safe to show."""

    field: str
    before: SafeString
    after: SafeString


def highlight(differences: Iterable[Difference]) -> list[HighlightedDifference]:
    """Mark in each difference what was removed and what was added."""
    return [HighlightedDifference(row.field, *mark_words(row.before, row.after)) for row in differences]


def mark_words(before: str, after: str) -> tuple[SafeString, SafeString]:
    """Return both texts as HTML: `<del>` around words that only the first has, `<ins>` around those of the second."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    removed: list[SafeString] = []
    added: list[SafeString] = []
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed.append(_piece("del", old[i1:i2], differs=kind != "equal"))
        added.append(_piece("ins", new[j1:j2], differs=kind != "equal"))
    return _join(removed), _join(added)


def _piece(tag: str, words: list[str], *, differs: bool) -> SafeString:
    text = "".join(words)
    if not text or not differs:
        return format_html("{}", text)
    return format_html("<{0}>{1}</{0}>", tag, text)


def _join(pieces: list[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((piece,) for piece in pieces))
