"""Answers to a caller from the persona's prompt, without a language model."""

import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from simulator.llm.conversation import Conversation
from simulator.llm.offline.embedding import MiniLM
from simulator.llm.offline.facts import facts, role
from simulator.scenario import normalize

WHAT_IT_IS = "I am the offline stand-in for a language model: I only find sentences in the persona's prompt."
CURE = "For a real model, set its key in the file dot env."
NOTHING_FOUND = "I found nothing about that."
ASK_AGAIN = "What else would you like to know?"
HELLO = "Hello! What would you like to know?"

NEAR_ENOUGH = 0.28
"""Least similarity of an answer. Of 45 questions to the demo's persona, those that its prompt answers have 0.30 to
0.80, but for "Where are you?"; others at most 0.20, unless their subject is close by, as in "My tooth hurts."
"""
_MOST_FACTS = 150
"""So many sentences, new to the model, take half a second; of a longer prompt, those that share words are compared."""

_GREETING = frozenset({"hello", "hi", "hey", "good", "morning", "afternoon", "evening", "there"})
_PLEASANTRIES = _GREETING | {"thank", "thanks", "you", "very", "much", "great", "okay", "ok", "yes", "no", "please"}
_ABOUT_ITSELF = re.compile(
    r"\b(?:who|what) are you$|\bwho (?:are you|is this)\b|\bwho am i (?:speaking|talking)\b|\byour name\b"
    r"|\b(?:are you|is this|am i (?:speaking|talking) (?:to|with)) (?:an? |the )?(?:real |actual |live )?"
    r"(?:ai|bot|computer|human|language model|machine|model|person|real|recording|robot)\b"
    r"|\b(?:what|which) (?:language )?model (?:are you|is this)\b"
)


class OfflineBrain:
    """One MiniLM for the process, in a thread of its own, loaded by the first question or by warm_up."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="minilm")
        self._model: MiniLM | None = None

    async def warm_up(self) -> None:
        """Load the model, so that the first caller does not wait for it. Raises EmbeddingError when it is missing."""
        await self._in_thread([HELLO], HELLO)

    async def answer(self, conversation: Conversation) -> str:
        """What it says to the caller's last words. Raises EmbeddingError when the model is missing."""
        said = conversation.said_since_answer()
        words = normalize(said[-1]).split()
        if words and _PLEASANTRIES.issuperset(words):
            return HELLO if _GREETING.intersection(words) else ASK_AGAIN
        if _ABOUT_ITSELF.search(" ".join(words)):
            return _introduction(conversation.prompt())
        if found := await self._in_thread([said[-1], " ".join(said)], conversation.prompt()):
            return found
        told = any(message.role == "assistant" and WHAT_IT_IS in message.text for message in conversation.messages)
        return f"{NOTHING_FOUND} {ASK_AGAIN if told else f'{WHAT_IT_IS} {CURE}'}"

    def close(self) -> None:
        """Drop the questions that wait."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, questions: Sequence[str], prompt: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._nearest, questions, prompt)

    def _nearest(self, questions: Sequence[str], prompt: str) -> str:
        """The prompt's fact that is nearest to one of the questions; empty when none is near enough."""
        if self._model is None:
            self._model = MiniLM()
        embed, candidates = self._model.embed, facts(prompt)
        if len(candidates) > _MOST_FACTS:
            candidates = _sharing_words(questions[-1], candidates)
        near = [(float(embed(question) @ embed(fact)), fact) for question in questions for fact in candidates]
        similarity, fact = max(near, key=lambda pair: pair[0], default=(0.0, ""))
        return fact if similarity >= NEAR_ENOUGH else ""


def _sharing_words(question: str, known: Sequence[str]) -> tuple[str, ...]:
    """The facts that share most words with a question, short words apart; then the first ones."""
    asked = {word for word in normalize(question).split() if len(word) > 3}
    ranked = sorted(known, key=lambda fact: -len(asked.intersection(normalize(fact).split())))
    return tuple(ranked[:_MOST_FACTS])


def _introduction(prompt: str) -> str:
    played = role(prompt)
    return f"{WHAT_IT_IS} {f'I speak for {played}. ' if played else ''}{CURE}"
