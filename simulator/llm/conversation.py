"""A conversation with a language model, without the shape that a vendor gives it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class Message:
    """What was said, or what the model was told (system). A tool's message has its result, and the function's name."""

    role: Role
    text: str
    tool: str = ""


@dataclass(frozen=True)
class Conversation:
    """The messages, oldest first, and the names of the functions that the model may call."""

    messages: tuple[Message, ...]
    tools: frozenset[str] = frozenset()

    def prompt(self) -> str:
        """All that the model was told, as lines."""
        return "\n".join(message.text for message in self.messages if message.role == "system")

    def said_since_answer(self) -> list[str]:
        """What the user has said since the model last spoke, oldest first."""
        said: list[str] = []
        for message in reversed(self.messages):
            if message.role == "assistant":
                break
            if message.role == "user":
                said.insert(0, message.text)
        return said


def text_of(content: object) -> str:
    """The text of a message's content, which is a string or a list of parts, with OpenAI and Anthropic alike."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""
