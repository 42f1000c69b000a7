"""What a persona's prompt knows: its sentences that can be read out to a caller.

A prompt holds facts ("A check-up costs sixty dollars.") and instructions ("Answer briefly."). A sentence is taken for
an instruction, and never read out, if it

- speaks to the agent, as "you" or "your"; "you can" and "you may" offer something, which a caller may hear;
- speaks about "the caller" or "the user", or names a tool, such as end_call;
- begins with an order, such as "answer" or "never"; or names a case first: "If asked about prices, say …";
- is a heading: a line that ends with a colon, or begins with #.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

LONGEST = 300
"""Characters of a fact that are said: about 20 seconds of speech."""

_ORDERS = (
    "add|always|answer|ask|avoid|be|confirm|do|don't|end|explain|follow|give|greet|ignore|introduce|keep|let|make|mention"
    "|never|offer|please|politely|refer|remember|repeat|reply|respond|say|sound|speak|stay|tell|transfer|try|use"
)
_CASES = "after|as|before|for|if|in|once|to|unless|when|whenever|while|with"
_ORDER_FIRST = re.compile(rf"^(?:{_ORDERS})\b", re.IGNORECASE)
_ORDER_AFTER_A_CASE = re.compile(rf"^(?:{_CASES})\b.*, (?:{_ORDERS})\b", re.IGNORECASE)
_OFFER = re.compile(r"\byou (?:can|may)\b(?!'| not)", re.IGNORECASE)
_TO_THE_AGENT = re.compile(r"\b(?:you|your|yourself|the caller|the user)\b|\w_\w", re.IGNORECASE)

_BULLET = re.compile(r"^(?:[-*•>]|\d+[.)])\s+")
_MARKUP = re.compile(r"\*+|`+|__+|<[^<>]*>")
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])(?<!\bDr\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bSt\.)\s+(?=[A-Z0-9\"'])")
_CONTINUES = re.compile(r"^(?:he|it|she|that|these|they|this|those)\b", re.IGNORECASE)
_ROLE = re.compile(r"\b[Yy]ou are ([A-Z][^.,;:!?\n]*(?:, (?:an?|our|the) [^.,;:!?\n]*)?)")


@lru_cache(maxsize=32)
def facts(prompt: str) -> tuple[str, ...]:
    """The facts of a prompt, in its order, each ready to be spoken, and each once."""
    found = (fact for line in prompt.splitlines() for fact in _facts_of(line))
    return tuple(dict.fromkeys(found))


def role(prompt: str) -> str:
    """Who the prompt says that the agent is, such as "Anna, the receptionist of Bright Smile"; empty without a name."""
    found = _ROLE.search(prompt)
    return found[1].strip()[:LONGEST] if found else ""


def _facts_of(line: str) -> Iterator[str]:
    if line.lstrip().startswith("#") or line.rstrip().endswith(":"):
        return
    text = _MARKUP.sub("", _BULLET.sub("", line.strip()))
    for sentence in _sentences(" ".join(text.split())):
        if any(character.isalnum() for character in sentence) and not _is_instruction(sentence):
            yield _spoken(sentence)


def _sentences(text: str) -> list[str]:
    """The sentences of a line; one that begins with "it" or "they" says nothing without the one before it."""
    sentences: list[str] = []
    for sentence in _END_OF_SENTENCE.split(text):
        if sentences and _CONTINUES.match(sentence):
            sentences[-1] += f" {sentence}"
        else:
            sentences.append(sentence)
    return sentences


def _is_instruction(sentence: str) -> bool:
    if _ORDER_FIRST.search(sentence) or _ORDER_AFTER_A_CASE.search(sentence):
        return True
    return _TO_THE_AGENT.search(_OFFER.sub("", sentence)) is not None


def _spoken(sentence: str) -> str:
    """With an end, and no longer than anybody would listen to."""
    if len(sentence) > LONGEST:
        sentence = sentence[:LONGEST].rpartition(" ")[0] or sentence[:LONGEST]
    return sentence if sentence[-1] in ".!?" else f"{sentence.rstrip(',;:')}."
