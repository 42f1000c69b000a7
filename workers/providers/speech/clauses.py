"""The first clause of a reply is spoken while the language model still writes the rest of its sentence.

Pipecat waits for the end of a sentence and the first letter of the next, which at 50 tokens a second is 200 to 300 ms
of silence for the caller. Later sentences need no such haste: they are written while the one before is heard.
"""

from collections.abc import AsyncIterator
from typing import Any

from pipecat.utils.text.base_text_aggregator import Aggregation, TextType
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator

CLAUSE_ENDS = (", ", "; ", ": ", " – ", " — ")
WORDS_MIN = 3  # "Yes," by itself would leave a gap when the rest is slow


class FirstClauseAggregator(SimpleTextAggregator):
    """Sentences, but for the first clause of each reply."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]  # Pipecat's
        self._begun = False

    async def aggregate(self, text: str) -> AsyncIterator[Aggregation]:
        for character in text:
            self._text += character
            found = await self._first_clause() or await self._check_sentence_with_lookahead(character)
            if found:
                self._begun = True
                yield found

    async def flush(self) -> Aggregation | None:
        rest = await super().flush()
        self._begun = False
        return rest

    async def handle_interruption(self) -> None:
        await super().handle_interruption()  # type: ignore[no-untyped-call]  # Pipecat's
        self._begun = False

    async def reset(self) -> None:
        await super().reset()  # type: ignore[no-untyped-call]  # Pipecat's
        self._begun = False

    async def _first_clause(self) -> Aggregation | None:
        if self._begun or not self._text.endswith(CLAUSE_ENDS) or len(self._text.split()) < WORDS_MIN:
            return None
        clause = self._text.strip(" ")
        await self.reset()
        return Aggregation(text=clause, type=TextType.SENTENCE)
