"""Words that only show that someone is listening."""

import re

from workers.turns.caller_words import caller_words


def is_backchannel(text: str, language: str) -> bool:
    """Whether the words only show that the caller is listening. `language` is one of agents.choices.Language."""
    words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
    known = set(caller_words(language).backchannels.split())
    return all(word in known for word in words)
