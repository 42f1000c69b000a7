"""What a call writes: in order, off the call loop, and only while the call is its own."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone

from calls import services
from calls.models import Call, CallEvent, Turn
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_call
from workers import recorder
from workers.recorder import CallRecorder, Writer

pytestmark = pytest.mark.django_db(transaction=True)


def _now() -> datetime:
    return timezone.now()


async def _a_call(**values: Any) -> Call:
    return await sync_to_async(make_call)(Status.CONNECTING, **values)


async def test_turns_events_and_the_end_are_written_in_order() -> None:
    call = await _a_call()
    notes = CallRecorder(call, Writer())
    notes.answered()
    notes.turn(Speaker.AGENT, "Hello.", _now(), _now())
    notes.event("dtmf", digit="1")
    notes.turn(Speaker.CALLER, "Hello!", _now(), _now())
    notes.ended(Status.COMPLETED, EndReason.CALLER_LEFT, "")
    assert await notes.flush(10)

    await call.arefresh_from_db()
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert [turn.text async for turn in Turn.objects.filter(call=call)] == ["Hello.", "Hello!"]
    kinds = [event.kind async for event in CallEvent.objects.filter(call=call)]
    assert kinds == ["in_progress", "dtmf", "completed"]


async def test_calls_do_not_wait_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    call = await _a_call()
    may_write = threading.Event()
    written = services.write_history

    def slow(*args: Any) -> bool:
        may_write.wait(10)
        return written(*args)

    monkeypatch.setattr(services, "write_history", slow)
    notes = CallRecorder(call, Writer())
    notes.turn(Speaker.AGENT, "Hello.", _now(), _now())
    assert not await notes.flush(0.05)
    may_write.set()
    assert await notes.flush(10)
    assert await Turn.objects.filter(call=call).acount() == 1


async def test_what_a_slot_writes_that_lost_its_call_is_dropped() -> None:
    call = await _a_call()
    await Call.objects.filter(pk=call.pk).aupdate(attempt=2)  # another slot took it
    notes = CallRecorder(call, Writer())
    notes.turn(Speaker.AGENT, "Hello.", _now(), _now())
    notes.ended(Status.FAILED, EndReason.PIPELINE_ERROR, "")
    assert await notes.flush(10)

    await call.arefresh_from_db()
    assert call.status == Status.CONNECTING
    assert not await Turn.objects.filter(call=call).aexists()


async def test_a_database_that_is_away_delays_the_turns_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    call = await _a_call()
    monkeypatch.setattr(recorder, "RETRY_S", (0.0,))
    monkeypatch.setattr(services, "write_history", _failing_twice(services.write_history))
    notes = CallRecorder(call, Writer())
    for text in ("One.", "Two.", "Three."):
        notes.turn(Speaker.AGENT, text, _now(), _now())
    assert await notes.flush(10)
    assert [turn.text async for turn in Turn.objects.filter(call=call)] == ["One.", "Two.", "Three."]


def _failing_twice(write: Callable[..., bool]) -> Callable[..., bool]:
    failures = [OperationalError("away"), OperationalError("away")]

    def attempt(*args: Any) -> bool:
        if failures:
            raise failures.pop()
        return write(*args)

    return attempt
