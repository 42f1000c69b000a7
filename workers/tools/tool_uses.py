"""The use of tools in one call: each request has a record and a key, which outlive this process."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError
from openai.types.chat import ChatCompletionAssistantMessageParam, ChatCompletionToolMessageParam
from pipecat.processors.aggregators.llm_context import LLMContextMessage

from agents.tools.definitions import ToolSpec
from calls.lifecycle import tool_calls
from calls.models import Call, ToolCall
from common.database import in_database
from workers.history.recorder import CallRecorder
from workers.process.background import Background
from workers.tools import tool_service
from workers.tools.tool_service import Answer

log = structlog.get_logger(__name__)

RECORD_WITHIN_S = 2.5  # six trips to a slow database; a caller waits no longer, and the key is the same without it


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a tool: its record, None where there is none, and the answer."""

    record: ToolCall | None
    answer: Answer


class ToolUses:
    """Asks tools for one call. `caller_turns` tells how many turns the caller has spoken."""

    def __init__(
        self, call: Call, recorder: CallRecorder, background: Background, caller_turns: Callable[[], int]
    ) -> None:
        self._call = call
        self._recorder = recorder
        self._background = background
        self._caller_turns = caller_turns

    async def use(self, tool: ToolSpec, arguments: Any) -> Use:
        """Ask the tool, unless this question has its answer already. Never raises."""
        wrong = tool_service.wrong_arguments(tool, arguments)
        if wrong:
            self._recorder.event("tool_failed", tool=tool.name, took_ms=0, why=wrong)
            return Use(None, Answer({"error": wrong}, is_final=True))
        turn = self._caller_turns()
        try:
            async with asyncio.timeout(RECORD_WITHIN_S):
                record = await in_database(
                    tool_calls.request, self._call.pk, self._call.attempt, turn, tool.name, arguments
                )
        except tool_calls.MovedOn:
            return Use(None, Answer({"error": "another agent has this call"}, is_final=False))
        except (DatabaseError, InterfaceError, TimeoutError) as error:
            log.warning("tool_call_not_recorded", tool=tool.name, error=type(error).__name__)
            key = tool_calls.key_of(self._call.pk, turn, tool.name, arguments)
            return Use(None, await self._ask(tool, arguments, key))
        return await self._answered(tool, record)

    async def use_again(self, tool: ToolSpec, record: ToolCall) -> Use:
        """The answer to what an earlier agent asked, asked for once more with its key if it had none."""
        use = await self._answered(tool, record)
        self.keep(use)
        return use

    def keep(self, use: Use) -> None:
        """Store the answer, soon: it is known to the model now."""
        if use.record is not None and use.answer.is_final and not use.record.is_answered():
            self._background.spawn(_store(use.record, use.answer))

    async def _answered(self, tool: ToolSpec, record: ToolCall) -> Use:
        if record.is_answered():
            self._recorder.event("tool_called", tool=tool.name, took_ms=0, stored=True)
            return Use(record, Answer(record.answer or {}, is_final=True))
        return Use(record, await self._ask(tool, record.arguments, record.key))

    async def _ask(self, tool: ToolSpec, arguments: Any, key: uuid.UUID) -> Answer:
        started = time.monotonic()
        try:
            answer = await tool_service.call(tool, arguments, key)
        except asyncio.CancelledError:
            why = "not waited for: the caller went on, or the call ended"
            self._recorder.event("tool_failed", tool=tool.name, took_ms=_ms_since(started), why=why)
            raise
        took_ms = _ms_since(started)
        if "error" in answer.told:
            self._recorder.event("tool_failed", tool=tool.name, took_ms=took_ms, why=answer.told["error"])
        else:
            self._recorder.event("tool_called", tool=tool.name, took_ms=took_ms)
        return answer


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


async def _store(record: ToolCall, answer: Answer) -> None:
    try:
        await in_database(record.store, answer.told)
    except (DatabaseError, InterfaceError) as error:
        # The next agent asks again, with the same key.
        log.warning("tool_answer_not_stored", tool=record.tool, error=type(error).__name__)


def messages(uses: Iterable[Use]) -> list[LLMContextMessage]:
    """The uses as the language model would have seen them, had it asked itself."""
    return [message for use in uses if use.record is not None for message in _messages(use.record, use.answer)]


def _messages(record: ToolCall, answer: Answer) -> list[LLMContextMessage]:
    call_id = f"call_{record.key.hex}"
    arguments = json.dumps(record.arguments, ensure_ascii=False)
    asked: ChatCompletionAssistantMessageParam = {
        "role": "assistant",
        "tool_calls": [{"id": call_id, "type": "function", "function": {"name": record.tool, "arguments": arguments}}],
    }
    answered: ChatCompletionToolMessageParam = {
        "role": "tool",
        "tool_call_id": call_id,
        "content": json.dumps(answer.told, ensure_ascii=False),
    }
    return [asked, answered]
