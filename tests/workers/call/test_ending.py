"""Who closes a room: who has written the end of its call, and nobody who cannot know."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone
from livekit import api

from calls.lifecycle import enqueue, leases, services
from calls.livekit import rooms
from calls.livekit.rooms import COMES_BACK_WITHIN_S
from calls.models import Call
from calls.states import EndReason, Status
from tests.factories import make_call
from workers.call import ending
from workers.call.held_call import HeldCall
from workers.conversation.progress import Ending, Leaving
from workers.history.recorder import CallRecorder
from workers.history.writer import Writer
from workers.process import reachability
from workers.process.reachability import Reachability

pytestmark = pytest.mark.django_db(transaction=True)

GOODBYE = Ending(Status.COMPLETED, EndReason.AGENT_GOODBYE)
RESTARTS_WITHIN_S = ending.RESTARTS_WITHIN_S
CALLER_LEFT = Ending(Status.COMPLETED, EndReason.CALLER_LEFT)


class Room:
    """What LiveKit says of the room, and whether it was closed."""

    def __init__(self) -> None:
        self.agents = {"agent-1"}
        self.caller: object = api.ParticipantInfo()
        self.is_reached = True
        self.closed = False

    async def delete_room(self, _name: str) -> None:
        self.closed = True

    async def agents_in(self, _name: str) -> set[str]:
        self._reach()
        return self.agents

    async def participant(self, _name: str, _identity: str) -> object:
        self._reach()
        return self.caller

    def _reach(self) -> None:
        if not self.is_reached:
            raise TimeoutError


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room()
    for name in ("delete_room", "agents_in", "participant"):
        monkeypatch.setattr(rooms, name, getattr(room, name))
    monkeypatch.setattr(enqueue, "send_call", lambda _call_id: None)
    monkeypatch.setattr(enqueue, "announce", lambda _call_id: None)
    monkeypatch.setattr(reachability, "livekit", Reachability())
    monkeypatch.setattr(ending, "RESTARTS_WITHIN_S", 0.0)
    monkeypatch.setattr(ending, "COMES_BACK_WITHIN_S", 0.0)
    return room


@pytest.fixture
def database_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> bool:
        raise OperationalError("away")

    monkeypatch.setattr(services, "end_call", fail)
    monkeypatch.setattr(ending, "WRITE_WITHIN_S", 0.05)


async def held_call(**values: Any) -> HeldCall:
    """A conversation that this process holds, with a writer of its own."""
    call = await sync_to_async(make_call)(Status.IN_PROGRESS, **values)
    held = HeldCall(call, asyncio.get_running_loop())
    held.recorder = CallRecorder(call, writer=Writer())
    return held


async def now(call: Call) -> tuple[str, str]:
    await call.arefresh_from_db()
    return call.status, call.end_reason


async def test_a_slot_whose_agent_could_not_join_leaves_the_room_to_another(room: Room) -> None:
    held = await held_call(answered_at=timezone.now())
    await ending.finish(held, Leaving.NOT_JOINED)

    assert await now(held.call) == (Status.QUEUED, "")
    assert not room.closed


async def test_who_writes_the_end_closes_the_room(room: Room) -> None:
    held = await held_call()
    await ending.finish(held, CALLER_LEFT)

    assert await now(held.call) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert room.closed


async def test_the_room_of_a_call_that_somebody_else_ended_is_closed_by_whoever_ended_it(room: Room) -> None:
    held = await held_call()
    await sync_to_async(services.end_without_agent)(held.call)  # its caller is about to hear why
    await ending.finish(held, GOODBYE)

    assert await now(held.call) == (Status.FAILED, EndReason.AGENT_LOST)
    assert not room.closed


@pytest.mark.usefixtures("database_away")
@pytest.mark.parametrize("reason", [EndReason.CALLER_LEFT, EndReason.ROOM_GONE, EndReason.PIPELINE_ERROR])
async def test_while_an_end_is_not_written_another_agent_may_have_the_room(room: Room, reason: EndReason) -> None:
    await ending.finish(await held_call(), Ending(Status.FAILED, reason))
    assert not room.closed


@pytest.mark.usefixtures("database_away")
async def test_a_caller_who_has_heard_the_goodbye_is_hung_up_on_without_a_database(room: Room) -> None:
    await ending.finish(await held_call(), GOODBYE)
    assert room.closed


@pytest.mark.usefixtures("database_away")
@pytest.mark.parametrize("other", ["agent-2", "announcer"])
async def test_a_goodbye_does_not_cut_off_a_caller_with_whom_somebody_else_speaks(room: Room, other: str) -> None:
    room.agents.add(other)
    await ending.finish(await held_call(), GOODBYE)
    assert not room.closed


@pytest.mark.usefixtures("database_away")
async def test_a_room_that_cannot_be_seen_is_not_closed_while_the_end_is_not_written(room: Room) -> None:
    room.is_reached = False
    await ending.finish(await held_call(), GOODBYE)
    assert not room.closed


@pytest.mark.parametrize("is_reached", [True, False], ids=["LiveKit answers", "LiveKit is not reached"])
async def test_an_agent_that_lost_its_connection_leaves_its_caller_to_another(room: Room, is_reached: bool) -> None:
    room.is_reached = is_reached
    held = await held_call()
    await ending.finish(held, Leaving.DISCONNECTED)

    assert await now(held.call) == (Status.QUEUED, "")
    assert (held.call.losses, room.closed) == (1, False)


async def test_a_call_whose_caller_was_lost_with_the_connection_has_lost_its_room(room: Room) -> None:
    room.caller = None
    held = await held_call()
    await ending.finish(held, Leaving.DISCONNECTED)
    assert await now(held.call) == (Status.FAILED, EndReason.ROOM_GONE)


async def test_a_caller_who_comes_back_after_a_restart_of_livekit_is_left_to_another_agent(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def come_back(_seconds: float) -> None:
        room.caller = api.ParticipantInfo()

    monkeypatch.setattr(ending, "COMES_BACK_WITHIN_S", 60.0)
    monkeypatch.setattr(ending, "asyncio", SimpleNamespace(sleep=come_back, timeout=asyncio.timeout))
    room.caller = None
    held = await held_call()
    await ending.finish(held, Leaving.DISCONNECTED)

    assert await now(held.call) == (Status.QUEUED, "")
    assert not room.closed


async def test_a_caller_has_twelve_seconds_to_come_back_from_the_first_answer_of_a_livekit_that_was_away(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 100.0

    async def wait(seconds: float) -> None:
        nonlocal clock
        clock += seconds
        room.is_reached = clock >= 103.5
        room.caller = api.ParticipantInfo() if clock >= 115.0 else None

    monkeypatch.setattr(ending, "RESTARTS_WITHIN_S", RESTARTS_WITHIN_S)
    monkeypatch.setattr(ending, "COMES_BACK_WITHIN_S", COMES_BACK_WITHIN_S)
    monkeypatch.setattr(ending, "asyncio", SimpleNamespace(sleep=wait, timeout=asyncio.timeout))
    monkeypatch.setattr(ending, "time", SimpleNamespace(monotonic=lambda: clock))
    room.caller, room.is_reached = None, False
    held = await held_call()
    await ending.finish(held, Leaving.DISCONNECTED)

    assert await now(held.call) == (Status.QUEUED, "")


async def test_a_livekit_that_restarts_is_asked_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def restart(_seconds: float) -> None:
        room.is_reached = True

    monkeypatch.setattr(ending, "RESTARTS_WITHIN_S", 60.0)
    monkeypatch.setattr(ending, "asyncio", SimpleNamespace(sleep=restart, timeout=asyncio.timeout))
    room.caller, room.is_reached = None, False
    held = await held_call()
    await ending.finish(held, Leaving.DISCONNECTED)
    assert await now(held.call) == (Status.FAILED, EndReason.ROOM_GONE)


def failing(write: Callable[..., bool], times: int) -> Callable[..., bool]:
    """The same, but the database is away at first."""
    failures = [OperationalError("away")] * times

    def attempt(*arguments: Any) -> bool:
        if failures:
            raise failures.pop()
        return write(*arguments)

    return attempt


@pytest.mark.parametrize(("times", "status"), [(2, Status.QUEUED), (99, Status.IN_PROGRESS)])
async def test_a_call_is_offered_again_while_its_lease_lasts_and_then_left_to_it(
    room: Room, monkeypatch: pytest.MonkeyPatch, times: int, status: Status
) -> None:
    monkeypatch.setattr("common.database.RETRY_S", 0.01)
    monkeypatch.setattr(ending, "LEASE", leases.LEASE / 50)
    monkeypatch.setattr(leases, "hand_over", failing(leases.hand_over, times))
    held = await held_call()
    await ending.finish(held, Leaving.HANDED_OVER)

    assert await now(held.call) == (status, "")
    assert not room.closed
