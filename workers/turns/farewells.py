"""Whether the agent says goodbye, and whether a caller says nothing else."""

import re
from functools import cache

from workers.turns.caller_words import caller_words


def takes_leave(text: str, language: str) -> bool:
    """Whether these words include a goodbye. `language` is one of agents.choices.Language."""
    return bool(_goodbye(language).search(_plain(text)))


def is_farewell(text: str, language: str) -> bool:
    """Whether the words are only goodbyes, thanks or backchannels, which need no answer."""
    plain = _plain(text)
    return bool(_only_farewells(language).fullmatch(plain) and not _only_connectives(language).fullmatch(plain))


def _plain(text: str) -> str:
    return text.lower().replace("’", "'")


@cache
def _goodbye(language: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{caller_words(language).goodbyes})\b")


@cache
def _only_farewells(language: str) -> re.Pattern[str]:
    words = caller_words(language)
    backchannels = "|".join(re.escape(word) for word in words.backchannels.split())
    return _only(f"{words.goodbyes}|{words.courtesies}|{words.connectives}|{backchannels}")


@cache
def _only_connectives(language: str) -> re.Pattern[str]:
    return _only(caller_words(language).connectives)


def _only(alternatives: str) -> re.Pattern[str]:
    # Possessive, because what a caller says a hundred times must not be tried in all its combinations.
    return re.compile(rf"\W*+(?:\b(?:{alternatives})\b\W*+)*+")
