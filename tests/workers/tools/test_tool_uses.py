"""A tool's request has one key, whatever interrupts it, and its answer is asked for no more than once."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from agents.tools.definitions import ToolSpec
from calls.lifecycle import tool_calls
from calls.models import Call, ToolCall
from calls.states import Status
from tests.factories import make_call
from tests.product.stack import eventually
from workers.history.recorder import CallRecorder
from workers.process.background import Background
from workers.tools import tool_service
from workers.tools.tool_service import Answer
from workers.tools.tool_uses import ToolUses, Use, messages

pytestmark = pytest.mark.django_db(transaction=True)

TOOL = ToolSpec("book", "Books.", {"type": "object"}, "https://example.com/book", 5.0)
BOOKED = Answer({"result": "booked"}, is_final=True)
SILENT = Answer({"error": "the service did not answer within 5 seconds"}, is_final=False)


class Service:
    """What is asked in place of the tool's service."""

    def __init__(self) -> None:
        self.keys: list[uuid.UUID] = []
        self.answer = BOOKED
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def call(self, _tool: ToolSpec, _arguments: Any, key: uuid.UUID) -> Answer:
        self.keys.append(key)
        self.asked.set()
        await self.may_answer.wait()
        return self.answer


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr(tool_service, "call", service.call)
    return service


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    """A live call, whose events are written before its tables are emptied."""
    call = await sync_to_async(make_call)(Status.IN_PROGRESS)
    yield call
    assert await CallRecorder(call).flush(60)


def uses_of(call: Call, turn: int = 1) -> ToolUses:
    return ToolUses(call, CallRecorder(call), Background(), lambda: turn)


async def stored(use: Use) -> None:
    """Wait until the answer is in the database."""
    assert use.record is not None
    rows = ToolCall.objects.filter(pk=use.record.pk).exclude(answered_at=None)
    await asyncio.to_thread(eventually, rows.exists, "the stored answer")


async def test_a_request_that_the_caller_interrupted_keeps_its_key(service: Service, call: Call) -> None:
    service.may_answer.clear()
    interrupted = asyncio.create_task(uses_of(call).use(TOOL, {"order": "17"}))
    await service.asked.wait()
    interrupted.cancel()
    await asyncio.wait([interrupted])
    service.may_answer.set()

    await uses_of(call, turn=2).use(TOOL, {"order": "17"})
    assert len(service.keys) == 2
    assert len(set(service.keys)) == 1


async def test_a_stored_answer_is_not_asked_for_again(service: Service, call: Call) -> None:
    uses = uses_of(call)
    first = await uses.use(TOOL, {"order": "17"})
    uses.keep(first)
    await stored(first)

    again = await uses_of(call).use(TOOL, {"order": "17"})
    assert again.answer == BOOKED
    assert len(service.keys) == 1


async def test_a_service_that_did_not_decide_is_asked_again_with_the_same_key(service: Service, call: Call) -> None:
    service.answer = SILENT
    uses = uses_of(call)
    uses.keep(await uses.use(TOOL, {"order": "17"}))
    service.answer = BOOKED

    assert (await uses_of(call, turn=4).use(TOOL, {"order": "17"})).answer == BOOKED
    assert len(set(service.keys)) == 1


async def test_an_agent_that_lost_its_call_asks_for_nothing(service: Service, call: Call) -> None:
    await Call.objects.filter(pk=call.pk).aupdate(attempt=call.attempt + 1)

    use = await uses_of(call).use(TOOL, {"order": "17"})
    assert use.answer.told == {"error": "another agent has this call"}
    assert service.keys == []


async def test_without_a_database_the_tool_is_asked_with_the_key_that_the_request_would_have(
    service: Service, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> ToolCall:
        raise OperationalError("away")

    with monkeypatch.context() as broken:
        broken.setattr(tool_calls, "request", away)
        assert (await uses_of(call).use(TOOL, {"order": "17"})).answer == BOOKED
    await uses_of(call).use(TOOL, {"order": "17"})

    assert len(service.keys) == 2
    assert len(set(service.keys)) == 1


async def test_arguments_that_cannot_be_stored_are_neither_stored_nor_sent(service: Service, call: Call) -> None:
    use = await uses_of(call).use(TOOL, {"order": "\0"})

    assert "the arguments do not fit" in use.answer.told["error"]
    assert service.keys == []
    assert not await ToolCall.objects.aexists()


async def test_the_model_reads_a_use_as_if_it_had_asked_itself(service: Service, call: Call) -> None:
    use = await uses_of(call).use(TOOL, {"order": "17"})

    asked, answered = cast(list[dict[str, Any]], messages([use]))
    assert asked["tool_calls"][0]["function"] == {"name": "book", "arguments": '{"order": "17"}'}
    assert asked["tool_calls"][0]["id"] == answered["tool_call_id"]
    assert json.loads(answered["content"]) == BOOKED.told
