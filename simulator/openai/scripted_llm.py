"""The scripted LLM: what the active scenario answers to a chat completion request."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.scenario import AgentPart, Rule, ToolCall

GREETING = "Hello, thank you for calling. How can I help you?"
STILL_THERE = "Are you still there?"
_LONGEST_QUOTE = 300


@dataclass(frozen=True)
class Answer:
    """What the model says, and the function it calls."""

    say: str
    call: ToolCall | None = None


def answer(agent: AgentPart, body: Mapping[str, Any]) -> Answer:
    """Answer a request of the chat completions API.

    The first rule of which a keyword stands in the last user message wins; without one, the rules are tried on all that
    the user has said since the model last spoke. A call is made only to a function that the request offers.
    """
    messages = [message for message in body.get("messages", []) if isinstance(message, Mapping)]
    last = messages[-1] if messages else {}
    if last.get("role") == "tool":
        return Answer(_after_tool(agent, messages))
    said = _said_since_answer(messages)
    if not said:
        return Answer(STILL_THERE if any(message.get("role") == "assistant" for message in messages) else GREETING)
    rule = _first_match(agent.rules, said[-1]) or _first_match(agent.rules, " ".join(said))
    if rule is None:
        return Answer(agent.default)
    call = rule.call if rule.call and rule.call.name in _offered(body) else None
    return Answer(rule.say or ("" if call else agent.default), call)


def text_of(content: object) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""


def _said_since_answer(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    said: list[str] = []
    for message in reversed(messages):
        if message.get("role") == "assistant":
            break
        if message.get("role") == "user":
            said.insert(0, text_of(message.get("content")))
    return said


def _first_match(rules: Iterable[Rule], text: str) -> Rule | None:
    return next((rule for rule in rules if rule.matches(text)), None)


def _offered(body: Mapping[str, Any]) -> set[str]:
    tools = body.get("tools") or []
    return {str(tool.get("function", {}).get("name")) for tool in tools if isinstance(tool, Mapping)}


def _after_tool(agent: AgentPart, messages: Sequence[Mapping[str, Any]]) -> str:
    result = text_of(messages[-1].get("content"))
    name = _name_of_call(messages, messages[-1].get("tool_call_id"))
    for rule in agent.after_tool:
        if rule.name == name:
            return rule.say.replace("{result}", _spoken(result))
    if '"error"' in result or result.lower().startswith("error"):
        return "I am sorry, I could not look that up just now. Can I help you with anything else?"
    return "That is done. Is there anything else I can do for you?"


def _name_of_call(messages: Sequence[Mapping[str, Any]], call_id: object) -> str:
    for message in reversed(messages):
        for call in message.get("tool_calls") or []:
            if call.get("id") == call_id:
                return str(call.get("function", {}).get("name"))
    return ""


def _spoken(result: str) -> str:
    """A tool's result as words: JSON loses its braces, and long text is cut."""
    try:
        value = json.loads(result)
    except ValueError:
        value = result
    if isinstance(value, Mapping):
        value = value.get("result", ", ".join(f"{key}: {item}" for key, item in value.items()))
    return str(value)[:_LONGEST_QUOTE]
