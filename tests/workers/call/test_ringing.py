"""An outbound call before its conversation: what ends it, and that nobody is called too early or twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from livekit import rtc

from calls.lifecycle import elapsed, leases
from calls.livekit import dialing
from calls.livekit.dialing import NotReached
from calls.models import Call
from calls.states import EndReason, Status
from workers.call import ringing
from workers.conversation.progress import Ending, Leaving
from workers.process import reachability
from workers.process.reachability import Reachability


class FakeTransport:
    """An agent that has joined, and a room without anybody else."""

    def __init__(self) -> None:
        self.joined, self.agent_heard = asyncio.Event(), asyncio.Event()
        self.joined.set()
        self.present = self.picked_up = False
        self.caller_left_because: int | None = None
        self.silences = 0

    def is_connected(self) -> bool:
        return self.joined.is_set()

    def caller_is_present(self) -> bool:
        return self.present

    def caller_has_picked_up(self) -> bool:
        return self.picked_up

    def input(self) -> "FakeTransport":
        return self

    async def hear_silence(self) -> None:
        self.silences += 1


class Reached:
    """One call that is being placed; `dialed` counts the requests to LiveKit, which ends when `answer` is set."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.transport = FakeTransport()
        self.conversation = Mock(ending=loop.create_future())
        self.running: asyncio.Future[Any] = loop.create_future()
        self.held = Mock(leaving=loop.create_future(), call=Call())
        self.rings_for = timedelta(seconds=30)
        self.answer: asyncio.Future[None] = loop.create_future()
        self.dialing = asyncio.Event()
        self.dialed = 0
        self.may_be_dialed = True

    async def dial(self, _call: Call) -> None:
        self.dialed += 1
        self.dialing.set()
        await self.answer

    def begin(self) -> "asyncio.Task[Ending | Leaving | None]":
        transport: Any = self.transport
        return asyncio.create_task(ringing.reach(self.held, self.conversation, transport, self.running))

    @property
    def events(self) -> list[str]:
        return [call.args[0] for call in self.held.recorder.event.call_args_list]


@pytest.fixture
async def reached(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reached]:
    made = Reached()
    monkeypatch.setattr(dialing, "dial", made.dial)
    monkeypatch.setattr(elapsed, "rings_for", lambda _call_id: made.rings_for)
    monkeypatch.setattr(leases, "may_dial", lambda _call: made.may_be_dialed)
    monkeypatch.setattr(reachability, "livekit", Reachability())
    async with asyncio.timeout(20):
        yield made


async def test_the_conversation_begins_when_the_telephone_was_picked_up(reached: Reached) -> None:
    task = reached.begin()
    await reached.dialing.wait()
    assert not task.done()
    reached.answer.set_result(None)

    assert await task is None
    assert reached.events == ["dialing", "picked_up"]
    assert reached.transport.silences > 0


async def test_nobody_is_called_before_the_agent_is_in_the_room(
    reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ringing, "JOINED_WITHIN_S", 0.05)
    reached.transport.joined.clear()

    assert await reached.begin() == Leaving.NOT_JOINED
    assert (reached.dialed, reached.events) == (0, [])


async def test_nobody_is_called_for_a_call_that_is_over_or_whose_person_has_hung_up(reached: Reached) -> None:
    reached.may_be_dialed = False

    ending = await reached.begin()

    assert isinstance(ending, Ending)
    assert (ending.status, ending.reason) == (Status.MISSED, EndReason.NO_ANSWER)
    assert (reached.dialed, reached.events) == (0, [])


@pytest.mark.parametrize("reason", [EndReason.BUSY, EndReason.NO_ANSWER, EndReason.DIAL_FAILED])
async def test_an_answer_that_is_none_ends_the_call_with_its_reason(reason: EndReason, reached: Reached) -> None:
    reached.answer.set_exception(NotReached(reason, "SIP 486"))
    status = Status.FAILED if reason == EndReason.DIAL_FAILED else Status.MISSED

    assert await reached.begin() == Ending(status, reason, "SIP 486")
    assert reached.events == ["dialing"]


async def test_who_leaves_before_livekit_reported_why_waits_for_that(reached: Reached) -> None:
    task = reached.begin()
    await reached.dialing.wait()
    reached.conversation.ending.set_result(Ending(Status.COMPLETED, EndReason.CALLER_LEFT))
    await asyncio.sleep(0)
    reached.answer.set_exception(NotReached(EndReason.REFUSED, "SIP 603"))

    assert await task == Ending(Status.MISSED, EndReason.REFUSED, "SIP 603")


@pytest.mark.parametrize(
    ("because", "reason"),
    [
        (rtc.DisconnectReason.USER_UNAVAILABLE, EndReason.NO_ANSWER),
        (rtc.DisconnectReason.USER_REJECTED, EndReason.REFUSED),
        (rtc.DisconnectReason.SIP_TRUNK_FAILURE, EndReason.DIAL_FAILED),
        (rtc.DisconnectReason.CLIENT_INITIATED, EndReason.NO_ANSWER),
        (None, EndReason.NO_ANSWER),
    ],
)
async def test_who_leaves_without_a_word_of_livekit_is_judged_by_the_reason_of_leaving(
    because: int | None, reason: EndReason, reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ringing, "WHY_WITHIN_S", 0.05)
    reached.transport.caller_left_because = because
    task = reached.begin()
    await reached.dialing.wait()
    reached.conversation.ending.set_result(Ending(Status.COMPLETED, EndReason.CALLER_LEFT))

    ending = await task
    assert isinstance(ending, Ending)
    assert ending.reason == reason


async def test_a_room_that_ends_while_it_rings_is_left_to_the_room(
    reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ringing, "WHY_WITHIN_S", 0.05)
    task = reached.begin()
    await reached.dialing.wait()
    reached.conversation.ending.set_result(Ending(Status.FAILED, EndReason.ROOM_GONE))

    assert await task is None


@pytest.mark.parametrize("what", ["leaving", "running"])
async def test_a_call_that_another_slot_has_is_left_at_once(what: str, reached: Reached) -> None:
    task = reached.begin()
    await reached.dialing.wait()
    (reached.held.leaving if what == "leaving" else reached.running).set_result(None)

    assert await task is None
    assert reached.events == ["dialing"]


async def test_a_phone_that_rings_already_is_not_called_again(reached: Reached) -> None:
    reached.transport.present = True
    task = reached.begin()
    await asyncio.sleep(0.01)
    reached.transport.agent_heard.set()

    assert await task is None
    assert (reached.dialed, reached.events) == (0, ["picked_up"])


async def test_a_phone_that_rings_already_rings_no_longer_than_it_may(reached: Reached) -> None:
    reached.transport.present = True
    reached.rings_for = timedelta(0)

    assert await reached.begin() == Ending(Status.MISSED, EndReason.NO_ANSWER, "it rang too long")


async def test_a_phone_that_was_picked_up_and_does_not_hear_the_agent_no_longer_rings(
    reached: Reached,
) -> None:
    reached.transport.present = reached.transport.picked_up = True
    reached.rings_for = timedelta(0)

    assert await reached.begin() is None
    assert (reached.dialed, reached.events) == (0, ["picked_up"])
