"""CALL_RUNNER names what a worker does with a call."""

from contextlib import AsyncExitStack

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from calls.livekit import rooms
from calls.states import EndReason, Status
from tests.factories import make_call
from workers import tasks
from workers.call import call_runner, lifetime
from workers.call.held_call import HeldCall
from workers.conversation.progress import Ending

DETAIL = "no room was joined"


async def without_a_room(held: HeldCall, afterwards: AsyncExitStack) -> Ending:
    return Ending(Status.FAILED, EndReason.ROOM_GONE, DETAIL)


def no_coroutine(held: HeldCall, afterwards: AsyncExitStack) -> None:
    """What CALL_RUNNER must not name."""


def test_a_worker_joins_the_room_unless_told_otherwise() -> None:
    assert call_runner.load() is lifetime.connect_and_converse


@pytest.mark.django_db(transaction=True)
async def test_a_call_is_held_by_the_coroutine_that_the_setting_names(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def delete_room(_name: str) -> None:
        """There is none."""

    monkeypatch.setattr(rooms, "delete_room", delete_room)
    settings.CALL_RUNNER = f"{__name__}.without_a_room"
    call = await sync_to_async(make_call)()
    await lifetime.handle()

    await call.arefresh_from_db()
    assert (call.status, call.end_reason, call.end_detail) == (Status.FAILED, EndReason.ROOM_GONE, DETAIL)


@pytest.mark.parametrize("name", ["", "nonsense", "no.such.module", f"{__name__}.missing", f"{__name__}.no_coroutine"])
def test_a_name_that_cannot_be_used_is_reported_with_its_cure(settings: Settings, name: str) -> None:
    settings.CALL_RUNNER = name
    with pytest.raises(ImproperlyConfigured, match=f"^CALL_RUNNER is '{name}', which .* name a coroutine function"):
        call_runner.load()


def test_a_worker_does_not_start_with_such_a_name(settings: Settings) -> None:
    settings.CALL_RUNNER = "nonsense"
    with pytest.raises(SystemExit, match="CALL_RUNNER is 'nonsense'"):
        tasks.prepare_process()
