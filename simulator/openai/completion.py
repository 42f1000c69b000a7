"""OpenAI's shapes: a conversation as a request has it, and an answer as a completion or its chunks."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.llm.conversation import Conversation, Message, text_of
from simulator.llm.scripted import Answer


def conversation_of(body: Mapping[str, Any]) -> Conversation:
    """Read the conversation from a request."""
    messages = [message for message in body["messages"] if isinstance(message, Mapping)]
    tools = [tool for tool in body.get("tools") or [] if isinstance(tool, Mapping)]
    names = frozenset(str(tool.get("function", {}).get("name")) for tool in tools)
    return Conversation(tuple(_messages(messages)), names)


def _messages(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    called: dict[object, str] = {}
    read: list[Message] = []
    for message in messages:
        for call in message.get("tool_calls") or []:
            called[call.get("id")] = str(call.get("function", {}).get("name"))
        role, text = message.get("role"), text_of(message.get("content"))
        if role == "tool":
            read.append(Message("tool", text, called.get(message.get("tool_call_id"), "")))
        else:
            read.append(Message(role if role in ("user", "assistant") else "system", text))
    return read


class Completion:
    """One scripted answer in the API's shapes."""

    def __init__(self, body: Mapping[str, Any], answer: Answer) -> None:
        self._answer = answer
        self._model = body["model"]
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._call_id = f"call_{uuid.uuid4().hex[:24]}"
        prompt = " ".join(text_of(message.get("content")) for message in body["messages"])
        # about four characters a token in English: help.openai.com, "What are tokens and how to count them?"
        self._prompt_tokens = len(prompt) // 4 + 4 * len(body["messages"])

    @property
    def tokens(self) -> int:
        """How many tokens the answer has."""
        return self._answer.tokens

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        message: dict[str, Any] = {"role": "assistant", "content": self._answer.say or None}
        if self._answer.call:
            function = {"name": self._answer.call.name, "arguments": "".join(self._answer.arguments)}
            message["tool_calls"] = [{"id": self._call_id, "type": "function", "function": function}]
        choice = {"index": 0, "message": message, "finish_reason": self._finish(), "logprobs": None}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": self._usage()}

    def bursts(self) -> list[bytes]:
        """The answer as the events of a stream."""
        return [*(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in self._chunks()), b"data: [DONE]\n\n"]

    def _chunks(self) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in self._answer.words]
        if self._answer.call:
            function: dict[str, str] = {"name": self._answer.call.name, "arguments": ""}
            deltas.append({"tool_calls": [{"index": 0, "id": self._call_id, "type": "function", "function": function}]})
            deltas += [
                {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in self._answer.arguments
            ]
        chunks = [self._chunk(delta) for delta in deltas]
        chunks.append(self._chunk({}, self._finish()))
        if self._with_usage:
            chunks.append({**self._frame("chat.completion.chunk"), "choices": [], "usage": self._usage()})
        return chunks

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return {**self._frame("chat.completion.chunk"), "choices": [choice]}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}

    def _finish(self) -> str:
        return "tool_calls" if self._answer.call else "stop"

    def _usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": self._prompt_tokens + self.tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }
