"""Anthropic's shapes: a conversation as a request has it, and an answer as a message or the events of a stream.

Protocol: platform.claude.com/docs/en/build-with-claude/streaming, as anthropic 1.17 reads it.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from simulator.anthropic.requests import blocks_of
from simulator.llm.conversation import Conversation, Message, text_of
from simulator.llm.scripted import Answer


def conversation_of(body: Mapping[str, Any]) -> Conversation:
    """Read the conversation from a request. Text without a letter or digit says nothing: clients send "." where a
    request must end with the user's message.
    """
    called: dict[object, str] = {}
    messages: list[Message] = [Message("system", text_of(body.get("system")))]
    for message in body["messages"]:
        for block in blocks_of(message):
            match block.get("type"):
                case "tool_use":
                    called[block.get("id")] = str(block.get("name"))
                case "tool_result":
                    name = called.get(block.get("tool_use_id"), "")
                    messages.append(Message("tool", text_of(block.get("content")), name))
                case "text" if any(character.isalnum() for character in str(block.get("text"))):
                    messages.append(Message(message["role"], str(block.get("text"))))
    tools = [tool for tool in body.get("tools") or [] if isinstance(tool, Mapping)]
    return Conversation(tuple(messages), frozenset(str(tool.get("name")) for tool in tools))


class Reply:
    """One scripted answer in the API's shapes."""

    def __init__(self, body: Mapping[str, Any], answer: Answer) -> None:
        self._answer = answer
        self._model = body["model"]
        self._id = f"msg_{uuid.uuid4().hex[:24]}"
        self._call_id = f"toolu_{uuid.uuid4().hex[:24]}"
        self._limit: int = body["max_tokens"]
        self._cut = answer.tokens > self._limit
        prompt = text_of(body.get("system")) + "".join(
            json.dumps(block) for message in body["messages"] for block in blocks_of(message)
        )
        self._input_tokens = len(prompt) // 4

    @property
    def tokens(self) -> int:
        """How many tokens the answer has: max_tokens cuts it."""
        return min(self._answer.tokens, self._limit)

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        content: list[dict[str, Any]] = []
        if words := self._words():
            content.append({"type": "text", "text": "".join(words), "citations": None})
        if call := self._call():
            content.append({**call, "input": self._answer.call.arguments if self._answer.call else {}})
        return self._message(content, self._stop_reason(), self.tokens)

    def bursts(self) -> list[bytes]:
        """The answer as the events of a stream; what opens and closes a block takes no time."""
        start = _event("message_start", message=self._message([], None, 1))
        blocks: list[tuple[dict[str, Any], list[dict[str, str]]]] = []
        if words := self._words():
            deltas = [{"type": "text_delta", "text": word} for word in words]
            blocks.append(({"type": "text", "text": ""}, deltas))
        if call := self._call():
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *self._answer.arguments]]
            blocks.append(({**call, "input": {}}, deltas))
        bursts: list[bytes] = []
        opening = start
        for index, (block, deltas) in enumerate(blocks):
            opening += _event("content_block_start", index=index, content_block=block)
            opening += _event("ping") if index == 0 else b""
            events = [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
            events[0] = opening + events[0]
            events[-1] += _event("content_block_stop", index=index)
            bursts += events
            opening = b""
        delta = {"stop_reason": self._stop_reason(), "stop_sequence": None}
        end = _event("message_delta", delta=delta, usage={"output_tokens": self.tokens}) + _event("message_stop")
        return [*bursts, opening + end]

    def _words(self) -> list[str]:
        return self._answer.words[: self._limit]

    def _call(self) -> dict[str, Any] | None:
        if self._answer.call is None or self._cut:
            return None
        return {"type": "tool_use", "id": self._call_id, "name": self._answer.call.name}

    def _stop_reason(self) -> str:
        if self._cut:
            return "max_tokens"
        return "tool_use" if self._answer.call else "end_turn"

    def _message(self, content: list[dict[str, Any]], stop_reason: str | None, tokens: int) -> dict[str, Any]:
        usage = {
            "input_tokens": self._input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens,
            "service_tier": "standard",
        }
        message = {"id": self._id, "type": "message", "role": "assistant", "model": self._model, "content": content}
        return {**message, "stop_reason": stop_reason, "stop_sequence": None, "usage": usage}


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
