"""What Flux makes of words while they are spoken: it revises earlier ones when later ones come.

Recorded from the real service: "some" became "something", "the web" became "bad" and "the VAT is" "VAD is working".
"""

import re

_PUNCTUATION = ".,;:?!"
_LONG = 8
_FIRST_LETTERS = 4
_DOUBTFUL_LETTERS = 5
_DOUBTFUL_FROM = 2
_CERTAIN_AFTER = 2


def draft(words: list[str], current: str) -> str:
    """The transcript of words that are over, and of the one that is being spoken, if any.

    A long word is told by its beginning while it is spoken. The first long one after the second word is misunderstood
    until two more are over. The last word has no punctuation yet, unless it is the only one.
    """
    heard = [*words, current[:_FIRST_LETTERS] if len(current) >= _LONG else current] if current else list(words)
    if len(heard) > 1:
        heard[-1] = heard[-1].rstrip(_PUNCTUATION)
    doubtful = next((index for index, word in enumerate(heard) if _is_doubtful(index, word)), None)
    if doubtful is not None and len(words) <= doubtful + _CERTAIN_AFTER:
        heard[doubtful] = f"the {heard[doubtful][:3]}"
    return " ".join(heard)


def _is_doubtful(index: int, word: str) -> bool:
    return index >= _DOUBTFUL_FROM and len(re.sub(r"\W", "", word)) >= _DOUBTFUL_LETTERS
