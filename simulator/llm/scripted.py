"""The scripted language model: what the active scenario answers in a conversation."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.llm.conversation import Conversation, Message
from simulator.scenario import AgentPart, Rule, ToolCall

GREETING = "Hello, thank you for calling. How can I help you?"
STILL_THERE = "Are you still there?"
_LONGEST_QUOTE = 300
_ARGUMENTS_PIECE = 8
"""Characters of a call's arguments that come at a time."""


@dataclass(frozen=True)
class Answer:
    """What the model says, and the function it calls."""

    say: str
    call: ToolCall | None = None

    @property
    def words(self) -> list[str]:
        """What it says, in the pieces in which it is streamed."""
        return re.findall(r"\S+\s*", self.say)

    @property
    def arguments(self) -> list[str]:
        """The arguments of the call as JSON, in the pieces in which they are streamed."""
        text = json.dumps(self.call.arguments) if self.call else ""
        return [text[start : start + _ARGUMENTS_PIECE] for start in range(0, len(text), _ARGUMENTS_PIECE)]

    @property
    def tokens(self) -> int:
        """About how many tokens it has: one a word, and one for four characters of the arguments."""
        return len(self.words) + len("".join(self.arguments)) // 4


def answer(agent: AgentPart, conversation: Conversation) -> Answer | None:
    """Answer the last message; None where the scenario leaves the answer to the prompt.

    The first rule of which a keyword stands in the last user message wins; without one, the rules are tried on all that
    the user has said since the model last spoke. A call is made only to a function that the request offers.
    """
    messages = conversation.messages
    if messages and messages[-1].role == "tool":
        return Answer(_after_tool(agent, messages[-1]))
    said = conversation.said_since_answer()
    if not said:
        return Answer(STILL_THERE if any(message.role == "assistant" for message in messages) else GREETING)
    rule = _first_match(agent.rules, said[-1]) or _first_match(agent.rules, " ".join(said))
    call = rule.call if rule and rule.call and rule.call.name in conversation.tools else None
    if rule and (rule.say or call):
        return Answer(rule.say, call)
    return None if agent.from_prompt else Answer(agent.default)


def _first_match(rules: Iterable[Rule], text: str) -> Rule | None:
    return next((rule for rule in rules if rule.matches(text)), None)


def _after_tool(agent: AgentPart, message: Message) -> str:
    for rule in agent.after_tool:
        if rule.name == message.tool:
            return rule.say.replace("{result}", _spoken(message.text))
    if '"error"' in message.text or message.text.lower().startswith("error"):
        return "I am sorry, I could not look that up just now. Can I help you with anything else?"
    return "That is done. Is there anything else I can do for you?"


def _spoken(result: str) -> str:
    """A tool's result as words: JSON loses its braces, and long text is cut."""
    try:
        value = json.loads(result)
    except ValueError:
        value = result
    if isinstance(value, Mapping):
        value = value.get("result", ", ".join(f"{key}: {item}" for key, item in value.items()))
    return str(value)[:_LONGEST_QUOTE]
