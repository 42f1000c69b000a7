"""What it means that the agent or its caller is no longer in the room."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import MagicMock

import pytest
from livekit.rtc import DisconnectReason

from agents.models import PersonaVersion
from calls.models import Call
from calls.states import Direction, EndReason, Status
from workers.conversation import conversation
from workers.conversation.conversation import Conversation
from workers.conversation.progress import Ending, Leaving

ROOM_GONE = Ending(Status.FAILED, EndReason.ROOM_GONE)


class Room:
    """A transport that tells what happens."""

    def __init__(self) -> None:
        self.caller_left_because: int | None = None
        self.disconnected_because: int | None = None
        self.is_caller_present = False
        self._handlers: dict[str, Callable[..., Awaitable[None]]] = {}

    def add_event_handler(self, event: str, handler: Callable[..., Awaitable[None]]) -> None:
        self._handlers[event] = handler

    def caller_is_present(self) -> bool:
        return self.is_caller_present

    async def caller_leaves(self, because: int | None) -> None:
        self.caller_left_because = because
        await self._handlers["on_participant_left"](self, "sip_1", "disconnected")

    async def agent_is_out(self, because: int | None) -> None:
        self.disconnected_because = because
        await self._handlers["on_disconnected"](self)

    async def joins(self, identity: str) -> None:
        await self._handlers["on_participant_connected"](self, identity)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def agent(room: Room) -> Conversation:
    """The agent of the second attempt."""
    call = Call(room_name="call-1", caller_identity="sip_1", attempt=2)
    transport: Any = room
    return Conversation(call, PersonaVersion(), MagicMock(), MagicMock(), transport, MagicMock())


async def outcome(agent: Conversation) -> Ending | Leaving:
    async with asyncio.timeout(5):
        return await agent.ending


@pytest.mark.parametrize("because", [DisconnectReason.PARTICIPANT_REMOVED, DisconnectReason.DUPLICATE_IDENTITY])
async def test_an_agent_that_its_successor_puts_out_has_lost_its_call(
    room: Room, agent: Conversation, because: int
) -> None:
    await room.caller_leaves(None)  # as this side tells it, of everybody in the room
    await room.agent_is_out(because)
    assert await outcome(agent) == Leaving.LOST


@pytest.mark.parametrize("because", [DisconnectReason.ROOM_DELETED, DisconnectReason.SERVER_SHUTDOWN])
async def test_a_room_that_was_closed_is_gone(room: Room, agent: Conversation, because: int) -> None:
    await room.caller_leaves(because)
    await room.agent_is_out(because)
    assert await outcome(agent) == ROOM_GONE


async def test_a_room_that_closes_before_reporting_the_callers_departure_was_left(
    room: Room, agent: Conversation
) -> None:
    agent._progress.begun = True
    await room.caller_leaves(None)
    await room.agent_is_out(DisconnectReason.ROOM_CLOSED)
    assert await outcome(agent) == Ending(Status.COMPLETED, EndReason.CALLER_LEFT)


@pytest.mark.parametrize("because", [DisconnectReason.UNKNOWN_REASON, DisconnectReason.SIGNAL_CLOSE])
async def test_an_agent_that_lost_livekit_does_not_know_whether_its_caller_is_there(
    room: Room, agent: Conversation, because: int
) -> None:
    await room.caller_leaves(None)
    await room.agent_is_out(because)
    assert await outcome(agent) == Leaving.DISCONNECTED


async def test_an_agent_that_sees_its_caller_vanish_and_hears_no_reason_has_to_ask(
    room: Room, agent: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "WHY_WITHIN_S", 0.0)
    await room.caller_leaves(None)
    assert await outcome(agent) == Leaving.DISCONNECTED


@pytest.mark.parametrize("because", [None, DisconnectReason.DUPLICATE_IDENTITY], ids=["no reason", "the same again"])
async def test_a_caller_whose_side_connects_again_keeps_its_agent(
    room: Room, agent: Conversation, monkeypatch: pytest.MonkeyPatch, because: int | None
) -> None:
    monkeypatch.setattr(conversation, "WHY_WITHIN_S", 0.0)
    room.is_caller_present = True  # with another connection, of which this side hears at once
    for _ in range(2):
        await room.caller_leaves(because)
        for task in list(agent._background._tasks):
            await task
    assert not agent.ending.done()


async def test_a_caller_who_hangs_up_completes_the_call(room: Room, agent: Conversation) -> None:
    agent._progress.begun = True
    await room.caller_leaves(DisconnectReason.CLIENT_INITIATED)
    assert await outcome(agent) == Ending(Status.COMPLETED, EndReason.CALLER_LEFT)


@pytest.mark.parametrize(
    ("direction", "reason"),
    [(Direction.INBOUND, EndReason.CALLER_GAVE_UP), (Direction.OUTBOUND, EndReason.NO_ANSWER)],
)
async def test_one_who_leaves_before_the_agent_is_heard_was_missed(
    room: Room, agent: Conversation, direction: Direction, reason: EndReason
) -> None:
    agent._call.direction = direction
    await room.caller_leaves(DisconnectReason.CLIENT_INITIATED)
    ended = await outcome(agent)
    assert isinstance(ended, Ending)
    assert (ended.status, ended.reason) == (Status.MISSED, reason)


LOST = [
    DisconnectReason.STATE_MISMATCH,
    DisconnectReason.CONNECTION_TIMEOUT,
    DisconnectReason.SIGNAL_CLOSE,
    DisconnectReason.MIGRATION,
    DisconnectReason.JOIN_FAILURE,
    DisconnectReason.MEDIA_FAILURE,
]


@pytest.mark.parametrize("because", LOST)
async def test_a_caller_whose_connection_broke_and_is_made_again_keeps_its_agent(
    room: Room, agent: Conversation, because: int
) -> None:
    await room.caller_leaves(because)
    (waiting,) = agent._background._tasks
    await room.joins("supervisor-1")
    room.is_caller_present = True
    await room.joins("sip_1")
    async with asyncio.timeout(5):
        await waiting
    assert not agent.ending.done()


@pytest.mark.parametrize("because", LOST)
async def test_the_call_of_a_caller_who_stays_away_has_failed(
    room: Room, agent: Conversation, monkeypatch: pytest.MonkeyPatch, because: int
) -> None:
    monkeypatch.setattr(conversation, "COMES_BACK_WITHIN_S", 0.01)
    await room.caller_leaves(because)
    assert await outcome(agent) == Ending(Status.FAILED, EndReason.ROOM_GONE, "the caller's connection was lost")


async def test_an_agent_of_a_later_attempt_has_the_call(room: Room, agent: Conversation) -> None:
    for identity in ("agent-1", "sip_3", "supervisor-9", "agent-x"):
        await room.joins(identity)
    assert not agent.ending.done()
    await room.joins("agent-3")
    assert await outcome(agent) == Leaving.LOST


async def test_an_agent_that_hands_over_waits_for_the_next_one(room: Room, agent: Conversation) -> None:
    agent.only_listen()
    await room.joins("agent-3")
    assert not agent.ending.done()
