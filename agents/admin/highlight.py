"""Two texts side by side, with the words that differ marked. Everything from the texts is escaped."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.services import Difference

# A word has the blanks that follow it: blanks by themselves, all alike, would make comparing take twenty times as long.
_WORDS = re.compile(r"^\s+|\w+\s*|[^\w\s]\s*")
MOST_PAIRS = 1_000_000
"""How many pairs of equal words, or lines, of both texts may be looked at: it takes about a second."""

type Part = tuple[bool, str, str]
"""Whether it differs, and what it is in the first text and in the second."""


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
    removed: list[SafeString] = []
    added: list[SafeString] = []
    for differs, old, new in _parts(before, after):
        removed.append(_piece("del", old, differs=differs))
        added.append(_piece("ins", new, differs=differs))
    return _join(removed), _join(added)


def _parts(before: str, after: str) -> Iterator[Part]:
    """Both texts line by line, and word by word where lines were replaced, as far as there are not too many pairs."""
    left = MOST_PAIRS
    old_lines, new_lines = before.splitlines(True), after.splitlines(True)
    left -= _pairs(old_lines, new_lines)
    for differs, old, new in _aligned(old_lines, new_lines) if left >= 0 else [(True, before, after)]:
        old_words, new_words = _WORDS.findall(old), _WORDS.findall(new)
        pairs = _pairs(old_words, new_words) if differs else 0
        if differs and pairs <= left:
            left -= pairs
            yield from _aligned(old_words, new_words)
        else:
            yield differs, old, new


def _pairs(old: list[str], new: list[str]) -> int:
    """What comparing costs: each token of one text is compared with all that are equal to it in the other."""
    counts = Counter(new)
    return sum(counts[token] for token in old)


def _aligned(old: list[str], new: list[str]) -> Iterator[Part]:
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield kind != "equal", "".join(old[i1:i2]), "".join(new[j1:j2])


def _piece(tag: str, text: str, *, differs: bool) -> SafeString:
    if not text or not differs:
        return format_html("{}", text)
    return format_html("<{0}>{1}</{0}>", tag, text)


def _join(pieces: list[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((piece,) for piece in pieces))
