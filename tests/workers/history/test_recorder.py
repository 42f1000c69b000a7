"""What a call writes: in order, off the call loop, and only while the call is its own."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections, transaction
from django.utils import timezone
from pytest_django import Settings

from calls.lifecycle import services
from calls.models import Call, CallEvent, Turn
from calls.models.history import Speaker
from calls.privacy import erasure
from calls.states import EndReason, Status
from common.database import in_database
from tests.factories import make_call, make_turns
from tests.product.stack import eventually
from workers import metrics
from workers.history import entries, spool, writer
from workers.history.backlog import Backlog
from workers.history.entries import Entry, Kind, Outcome
from workers.history.recorder import CallRecorder
from workers.history.spool import Item
from workers.history.writer import Writer

pytestmark = pytest.mark.django_db(transaction=True)


def _now() -> datetime:
    return timezone.now()


async def _a_call(**values: Any) -> Call:
    return await sync_to_async(make_call)(Status.CONNECTING, **values)


async def test_turns_events_and_the_end_are_written_in_order() -> None:
    call = await _a_call()
    notes = CallRecorder(call, writer=Writer())
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
    written = services.write_histories

    def slow(*args: Any) -> Any:
        may_write.wait(10)
        return written(*args)

    monkeypatch.setattr(services, "write_histories", slow)
    notes = CallRecorder(call, writer=Writer())
    notes.turn(Speaker.AGENT, "Hello.", _now(), _now())
    assert not await notes.flush(0.05)
    may_write.set()
    assert await notes.flush(10)
    assert await Turn.objects.filter(call=call).acount() == 1


async def test_the_history_of_all_calls_is_written_at_once_so_that_no_end_waits_for_each_of_them() -> None:
    one, two = await _a_call(), await _a_call()
    came: list[tuple[Kind, Call]]
    came = [("turn", one), ("turn", two), ("event", one), ("ended", two), ("turn", one), ("event", two)]
    noted = [Entry(kind, str(call.pk), 1, {}) for kind, call in came]

    written = [[number for number, _ in batch] for batch in entries.batches(enumerate(noted))]

    assert written == [[0, 2, 4, 1], [3], [5]]


async def test_while_another_transaction_has_one_call_the_others_do_not_wait_for_it() -> None:
    busy, free = await _a_call(), await _a_call()
    has_it, may_leave = threading.Event(), threading.Event()

    def keep() -> None:
        with transaction.atomic():
            Call.objects.select_for_update().get(pk=busy.pk)
            has_it.set()
            may_leave.wait(30)

    keeping = asyncio.create_task(in_database(keep))
    await asyncio.to_thread(has_it.wait, 10)
    shared = Writer()
    notes = [CallRecorder(call, writer=shared) for call in (free, busy)]
    for each in notes:
        each.turn(Speaker.AGENT, "Hello.", _now(), _now())

    await asyncio.to_thread(eventually, lambda: Turn.objects.filter(call=free).exists(), "the free call's turn")
    assert not await Turn.objects.filter(call=busy).aexists()
    may_leave.set()
    await keeping
    assert await notes[1].flush(10)
    assert await Turn.objects.filter(call=busy).acount() == 1


async def test_what_a_slot_writes_that_lost_its_call_is_dropped() -> None:
    call = await _a_call()
    await Call.objects.filter(pk=call.pk).aupdate(attempt=2)  # another slot took it
    notes = CallRecorder(call, writer=Writer())
    notes.turn(Speaker.AGENT, "Hello.", _now(), _now())
    notes.ended(Status.FAILED, EndReason.PIPELINE_ERROR, "")
    assert await notes.flush(10)

    await call.arefresh_from_db()
    assert call.status == Status.CONNECTING
    assert notes.end_outcome == Outcome.MOVED_ON
    assert not await Turn.objects.filter(call=call).aexists()


async def test_a_database_that_is_away_delays_the_turns_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    call = await _a_call()
    monkeypatch.setattr(writer, "RETRY_S", (0.0,))
    monkeypatch.setattr(services, "write_histories", _failing_twice(services.write_histories))
    notes = CallRecorder(call, writer=Writer())
    for text in ("One.", "Two.", "Three."):
        notes.turn(Speaker.AGENT, text, _now(), _now())
    assert await notes.flush(10)
    assert [turn.text async for turn in Turn.objects.filter(call=call)] == ["One.", "Two.", "Three."]


async def test_what_waits_longer_goes_to_disk_and_is_written_in_order_when_the_database_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await _a_call()
    away = threading.Event()
    away.set()
    monkeypatch.setattr(writer, "RETRY_S", (0.01,))
    for name in ("write_histories", "answer_call", "end_call"):
        monkeypatch.setattr(services, name, _while(away, getattr(services, name)))
    notes = CallRecorder(call, writer=Writer(Backlog(tmp_path, spill_after_s=0.01)))
    notes.answered()
    for number in range(1, 31):
        notes.turn(Speaker.AGENT, f"Sentence {number}.", _now(), _now())
        notes.event("dtmf", digit=str(number % 10))
    await asyncio.to_thread(eventually, lambda: list(tmp_path.glob("*.sqlite3")), "a spool")
    notes.ended(Status.COMPLETED, EndReason.CALLER_LEFT, "")
    assert not await notes.flush(0.05)
    away.clear()
    assert await notes.flush(10)

    await call.arefresh_from_db()
    assert call.status == Status.COMPLETED
    assert notes.end_outcome == Outcome.WRITTEN
    assert [turn.text async for turn in Turn.objects.filter(call=call)] == [f"Sentence {n}." for n in range(1, 31)]
    kinds = [event.kind async for event in CallEvent.objects.filter(call=call)]
    assert kinds == ["in_progress", *["dtmf"] * 30, "completed"]
    assert spool.leftovers(tmp_path) == []


async def test_a_write_whose_commit_is_in_doubt_is_repeated_and_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    call = await _a_call()
    monkeypatch.setattr(writer, "RETRY_S", (0.0,))
    for name in ("write_histories", "answer_call", "end_call"):
        monkeypatch.setattr(services, name, _in_doubt_once(getattr(services, name)))
    notes = CallRecorder(call, writer=Writer())
    notes.answered()
    notes.turn(Speaker.AGENT, "Hello.", _now(), _now())
    notes.event("dtmf", digit="1")
    notes.ended(Status.COMPLETED, EndReason.CALLER_LEFT, "")
    assert await notes.flush(10)

    assert notes.end_outcome == Outcome.WRITTEN
    assert [turn.text async for turn in Turn.objects.filter(call=call)] == ["Hello."]
    kinds = [event.kind async for event in CallEvent.objects.filter(call=call)]
    assert kinds == ["in_progress", "dtmf", "completed"]


async def test_what_no_column_takes_is_replaced_and_the_rest_is_kept() -> None:
    call = await _a_call()
    notes = CallRecorder(call, writer=Writer())
    nested: dict[str, Any] = {}
    for _ in range(3000):
        nested = {"a": nested}
    for text in ("One.", "My number\0 is \ud800 seventeen.", "Three."):
        notes.turn(Speaker.CALLER, text, _now(), _now())
    notes.event("odd", nul="\0", half=["\ud800"], nan=float("nan"), digits=10**5000, nested=nested)
    notes.ended(Status.FAILED, EndReason.PIPELINE_ERROR, "Error: \0")
    assert await notes.flush(10)

    await call.arefresh_from_db()
    assert (call.status, call.end_detail) == (Status.FAILED, "Error: \ufffd")
    texts = [turn.text async for turn in Turn.objects.filter(call=call)]
    assert texts == ["One.", "My number\ufffd is \ufffd seventeen.", "Three."]
    detail = (await CallEvent.objects.aget(call=call, kind="odd")).detail
    assert (detail["nul"], detail["half"], detail["nan"]) == ("\ufffd", ["\ufffd"], "nan")
    assert detail["digits"] == "a number with too many digits"


async def test_what_the_database_refuses_for_good_is_skipped_without_a_word_of_it_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    call = await _a_call()
    poisoned = Entry("turn", str(call.pk), call.attempt, {**_turn(call, "A secret\0 turn.").fields, "number": 2})
    recorder = CallRecorder(call, writer=Writer())
    recorder.turn(Speaker.CALLER, "One.", _now(), _now())
    recorder._writer.put(poisoned)
    recorder.event("longer than the column of kinds is, which has forty letters")
    recorder.event("dtmf", digit="1")
    assert await recorder.flush(10)

    assert [(turn.number, turn.text) async for turn in Turn.objects.filter(call=call)] == [(1, "One.")]
    assert [event.kind async for event in CallEvent.objects.filter(call=call)] == ["dtmf"]
    assert caplog.text.count("entry_refused") == 2
    assert "secret" not in caplog.text


async def test_a_resumed_call_continues_its_numbering() -> None:
    call = await _a_call()
    await sync_to_async(make_turns)(call, "Hello.", "Good morning.")
    notes = CallRecorder(call, turns_before=2, writer=Writer())
    notes.turn(Speaker.AGENT, "Where were we?", _now(), _now())
    assert await notes.flush(10)
    assert [turn.number async for turn in Turn.objects.filter(call=call)] == [1, 2, 3]


async def test_an_end_that_somebody_else_wrote_is_not_a_refusal() -> None:
    call = await _a_call()
    await sync_to_async(services.end_call)(call.pk, Status.FAILED, EndReason.ROOM_GONE)
    notes = CallRecorder(call, writer=Writer())
    notes.ended(Status.COMPLETED, EndReason.CALLER_LEFT, "")
    assert await notes.flush(10)

    await call.arefresh_from_db()
    assert call.end_reason == EndReason.ROOM_GONE
    assert notes.end_outcome == Outcome.ENDED_BEFORE


async def test_only_the_end_that_the_call_has_is_counted_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[EndReason] = []
    monkeypatch.setattr(metrics, "ended", counted.append)
    hung_up, taken_over, in_doubt = await _a_call(), await _a_call(), await _a_call()
    await sync_to_async(services.end_call)(hung_up.pk, Status.MISSED, EndReason.HUNG_UP)
    await Call.objects.filter(pk=taken_over.pk).aupdate(attempt=2)
    for call in (hung_up, taken_over):
        notes = CallRecorder(call, writer=Writer())
        notes.ended(Status.FAILED, EndReason.ROOM_GONE, "")
        assert await notes.flush(10)
    assert counted == []

    monkeypatch.setattr(writer, "RETRY_S", (0.0,))
    monkeypatch.setattr(services, "end_call", _in_doubt_once(services.end_call))
    notes = CallRecorder(in_doubt, writer=Writer())
    notes.ended(Status.FAILED, EndReason.PIPELINE_ERROR, "")
    assert await notes.flush(10)
    assert counted == [EndReason.PIPELINE_ERROR]


async def test_what_a_dead_process_left_is_written_unless_its_call_has_moved_on(tmp_path: Path) -> None:
    ours, taken_over = await _a_call(), await _a_call()
    await Call.objects.filter(pk=taken_over.pk).aupdate(attempt=2)
    left = spool.create(tmp_path)
    left.append(
        Item(number, "turn", _turn(call, text).as_line())
        for number, (call, text) in enumerate([(ours, "Hello."), (taken_over, "Hello.")], start=1)
    )
    left.close()
    spool.create(tmp_path).close()  # and one that died before it had written a word

    Writer(Backlog(tmp_path)).start()
    await asyncio.to_thread(eventually, lambda: not list(tmp_path.iterdir()), "an empty spool")
    assert [turn.call_id async for turn in Turn.objects.all()] == [ours.pk]


async def test_what_a_dead_process_left_of_an_erased_caller_is_not_written_and_the_file_is_gone(tmp_path: Path) -> None:
    call = await sync_to_async(make_call)(Status.COMPLETED, caller_number="+12025550123")
    left = spool.create(tmp_path)
    left.append([Item(1, "turn", _turn(call, "My name is Ann.").as_line())])
    left.close()
    await sync_to_async(erasure.erase_number)("+12025550123", "sofia")

    Writer(Backlog(tmp_path)).start()
    await asyncio.to_thread(eventually, lambda: not list(tmp_path.iterdir()), "an empty spool")
    assert not await Turn.objects.aexists()


async def test_what_a_process_leaves_that_dies_later_is_written_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await _a_call()
    monkeypatch.setattr(writer, "LOOK_AGAIN_S", 0.01)
    living = spool.create(tmp_path)
    living.append([Item(1, "turn", _turn(call, "Hello.").as_line())])
    looked = threading.Event()
    monkeypatch.setattr(spool, "leftovers", _then(looked, spool.leftovers))
    Writer(Backlog(tmp_path)).start()
    await asyncio.to_thread(looked.wait, 10)
    living.close()  # it dies

    await asyncio.to_thread(eventually, lambda: not list(tmp_path.iterdir()), "an empty spool")
    assert [turn.text async for turn in Turn.objects.filter(call=call)] == ["Hello."]


@pytest.mark.parametrize(("kept_days", "stays"), [(0, True), (30, True), (7, False)])
async def test_a_spool_that_cannot_be_read_goes_when_calls_are_kept_no_longer(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, kept_days: int, stays: bool
) -> None:
    settings.CALLS_KEPT_DAYS = kept_days
    file = tmp_path / "dead.sqlite3"
    file.write_text("words that no database reads, and long enough to have a header " * 4)
    ten_days_ago = time.time() - 10 * 24 * 3600
    os.utime(file, (ten_days_ago, ten_days_ago))
    looked = threading.Event()
    monkeypatch.setattr(spool, "leftovers", _then(looked, spool.leftovers))

    Writer(Backlog(tmp_path)).start()
    await asyncio.to_thread(looked.wait, 10)
    assert file.exists() == stays


async def test_a_writer_that_has_nothing_to_write_keeps_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    of_thread: list[Any] = []

    def look(directory: Path) -> list[spool.Spool]:
        of_thread.append(connections["default"].connection)
        looked.set()
        return []

    monkeypatch.setattr(spool, "leftovers", look)
    Writer(Backlog(tmp_path)).start()
    await asyncio.to_thread(looked.wait, 10)

    assert of_thread == [None]


async def test_a_directory_that_cannot_be_used_keeps_nothing_from_being_written(tmp_path: Path) -> None:
    call = await _a_call()
    (tmp_path / "file").touch()
    notes = CallRecorder(call, writer=Writer(Backlog(tmp_path / "file")))
    notes.turn(Speaker.AGENT, "Hello.", _now(), _now())
    assert await notes.flush(10)
    assert await Turn.objects.filter(call=call).acount() == 1


def _turn(call: Call, text: str) -> Entry:
    fields = {"number": 1, "speaker": "agent", "text": text, "started_at": _now(), "ended_at": _now()}
    return Entry("turn", str(call.pk), call.attempt, fields)


def _then[**P, T](done: threading.Event, work: Callable[P, T]) -> Callable[P, T]:
    def first_work(*args: P.args, **kwargs: P.kwargs) -> T:
        result = work(*args, **kwargs)
        done.set()
        return result

    return first_work


def _failing_twice(write: Callable[..., Any]) -> Callable[..., Any]:
    failures = [OperationalError("away"), OperationalError("away")]

    def attempt(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return write(*args)

    return attempt


def _while(away: threading.Event, write: Callable[..., bool]) -> Callable[..., bool]:
    def attempt(*args: Any, **kwargs: Any) -> bool:
        if away.is_set():
            raise OperationalError("away")
        return write(*args, **kwargs)

    return attempt


def _in_doubt_once(write: Callable[..., bool]) -> Callable[..., bool]:
    """The connection is lost after the commit and before its answer."""
    lost: list[bool] = []

    def attempt(*args: Any, **kwargs: Any) -> bool:
        written = write(*args, **kwargs)
        if not lost:
            lost.append(True)
            raise OperationalError("server closed the connection unexpectedly")
        return written

    return attempt
