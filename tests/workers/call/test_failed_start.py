"""The end of a call that goes wrong before it has begun."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker

from calls.lifecycle import enqueue, leases
from calls.livekit import rooms
from calls.models import Call
from calls.states import EndReason, Status
from tests.factories import make_call
from tests.sink import Sink
from workers import pipeline
from workers.call import held_call, lifetime
from workers.call.held_call import HeldCall
from workers.conversation.progress import Ending, Leaving

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_pipeline_that_cannot_be_built_ends_the_call_and_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def delete_room(name: str) -> None:
        closed.append(name)

    def broken(*_: object) -> None:
        raise RuntimeError("no such model")

    monkeypatch.setattr(rooms, "delete_room", delete_room)
    monkeypatch.setattr(pipeline, "build", broken)
    call = await sync_to_async(make_call)()
    await lifetime.handle()

    await call.arefresh_from_db()
    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.PIPELINE_ERROR)
    assert call.end_detail == "RuntimeError: no such model"
    assert closed == [call.room_name]


async def test_a_copy_of_a_message_finds_nobody_waiting_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "build", lambda *_: pytest.fail("joined"))
    call = await sync_to_async(make_call)(Status.IN_PROGRESS)
    await lifetime.handle()

    await call.arefresh_from_db()
    assert (call.status, call.attempt) == (Status.IN_PROGRESS, 1)


async def test_a_pipeline_that_hangs_while_it_stops_keeps_no_caller_in_a_silent_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = asyncio.Event()
    stop = lifetime._stop

    async def delete_room(_name: str) -> None:
        closed.set()

    async def stop_after_the_room(*arguments: Any) -> None:
        await closed.wait()
        await stop(*arguments)

    async def left(*_: object) -> Ending:
        return Ending(Status.COMPLETED, EndReason.CALLER_LEFT)

    parts = Mock(worker=lambda: PipelineWorker(Pipeline([Sink()]), enable_rtvi=False))
    monkeypatch.setattr(rooms, "delete_room", delete_room)
    monkeypatch.setattr(pipeline, "build", lambda *_: parts)
    monkeypatch.setattr(lifetime, "Conversation", Mock())
    monkeypatch.setattr(lifetime, "_converse", left)
    monkeypatch.setattr(lifetime, "_stop", stop_after_the_room)
    monkeypatch.setattr(lifetime, "STOPPED_BEFORE_END_S", 0.01)
    call = await sync_to_async(make_call)()
    async with asyncio.timeout(30):
        await lifetime.handle()

    await call.arefresh_from_db()
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)


@pytest.mark.parametrize(("why", "status"), [(Leaving.LOST, Status.CONNECTING), (Leaving.HANDED_OVER, Status.QUEUED)])
async def test_a_slot_that_leaves_a_call_to_another_neither_ends_it_nor_closes_its_room(
    why: Leaving, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leave(*_: object) -> Leaving:
        return why

    monkeypatch.setattr(rooms, "delete_room", lambda _name: pytest.fail("room closed"))
    monkeypatch.setattr(enqueue, "send_call", lambda _call_id: None)
    monkeypatch.setattr(lifetime, "connect_and_converse", leave)
    call = await sync_to_async(make_call)()
    await lifetime.handle()

    await call.arefresh_from_db()
    assert (call.status, call.end_reason) == (status, "")


async def test_a_call_whose_past_cannot_be_read_is_left_to_the_next_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(held_call, "in_database_within", away)
    monkeypatch.setattr(rooms, "delete_room", lambda _name: pytest.fail("room closed"))
    monkeypatch.setattr(pipeline, "build", lambda *_: pytest.fail("joined"))
    call = await sync_to_async(make_call)(attempt=1, answered_at=timezone.now())
    await lifetime.handle()

    await call.arefresh_from_db()
    assert (call.status, call.end_reason, call.attempt) == (Status.CONNECTING, "", 2)


async def test_a_slot_that_does_not_reach_the_database_claims_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_holder: str) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(leases, "claim", away)
    with pytest.raises(lifetime.NotClaimed):
        await lifetime.handle()


async def test_why_a_pipeline_failed_is_reported_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("no such model")

    running = asyncio.create_task(fail())
    await asyncio.wait([running])
    assert lifetime._why_ended(running) == "RuntimeError: no such model"
    assert "pipeline_failed" in caplog.text


async def test_an_end_that_comes_after_another_slot_took_over_does_not_close_the_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def taken_over(held: HeldCall, _afterwards: object) -> Ending:
        await Call.objects.filter(pk=held.call.pk).aupdate(attempt=2)
        return Ending(Status.FAILED, EndReason.ROOM_GONE)

    monkeypatch.setattr(rooms, "delete_room", lambda _name: pytest.fail("room closed"))
    monkeypatch.setattr(lifetime, "connect_and_converse", taken_over)
    call = await sync_to_async(make_call)()
    await lifetime.handle()

    await call.arefresh_from_db()
    assert (call.status, call.attempt) == (Status.CONNECTING, 2)
