"""The end of a call that goes wrong before it has begun."""

import pytest
from asgiref.sync import sync_to_async

from calls import rooms
from calls.states import EndReason, Status
from tests.factories import make_call
from workers import pipeline, room

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
    await room.handle(call.pk)

    await call.arefresh_from_db()
    assert (call.status, call.end_reason) == (Status.FAILED, EndReason.PIPELINE_ERROR)
    assert call.end_detail == "RuntimeError: no such model"
    assert closed == [call.room_name]


async def test_a_copy_of_a_message_loses_the_claim_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "build", lambda *_: pytest.fail("joined"))
    call = await sync_to_async(make_call)(Status.IN_PROGRESS)
    await room.handle(call.pk)

    await call.arefresh_from_db()
    assert (call.status, call.attempt) == (Status.IN_PROGRESS, 1)
