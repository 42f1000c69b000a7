"""What was said, as a language model reads it."""

from collections.abc import Iterable, Sequence

from pipecat.processors.aggregators.llm_context import LLMContextMessage

from calls.models import Turn
from calls.models.history import Speaker


def of(turns: Iterable[Turn]) -> list[LLMContextMessage]:
    """The turns as chat messages, in their order: the caller is the user."""
    return [
        {"role": "user", "content": turn.text}
        if turn.speaker == Speaker.CALLER
        else {"role": "assistant", "content": turn.text}
        for turn in turns
    ]


def split(turns: Sequence[Turn]) -> tuple[list[Turn], list[Turn]]:
    """The turns up to the agent's last, and what the caller has said since."""
    answered = max((place for place, turn in enumerate(turns, 1) if turn.speaker == Speaker.AGENT), default=0)
    return list(turns[:answered]), list(turns[answered:])
