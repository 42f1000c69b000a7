"""A join that is cancelled comes to its end all the same, and the room is left: LiveKit's native client insists."""

import asyncio
import uuid

import pytest
import structlog
from django.conf import settings

from calls.livekit import rooms
from calls.livekit.joining import CancellableRoom
from tests.product.stack import eventually
from tests.services import LiveKitServer
from workers.media import departures

pytestmark = pytest.mark.usefixtures("livekit")


async def cancelled_join(room: CancellableRoom, name: str) -> None:
    """Begin to join, and give up when LiveKit's native client has the request."""
    joining = asyncio.create_task(room.connect(settings.LIVEKIT_URL, rooms.agent_token(name, "agent-1")))
    await asyncio.sleep(0.01)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining


def has_been_inside(room: CancellableRoom) -> bool:
    """Whether the room was joined and has been left."""
    return room.local_participant.identity == "agent-1" and not room.isconnected()


async def nobody_is_in(name: str) -> None:
    """LiveKit lists somebody who has left for another moment; who never leaves is put out after 15 s."""

    def is_gone() -> bool:
        return asyncio.run(rooms.participant(name, "agent-1")) is None

    await asyncio.to_thread(eventually, is_gone, "an empty room", 10.0)


async def test_who_cancels_a_join_and_leaves_has_joined_and_left(livekit: LiveKitServer) -> None:
    room, name = CancellableRoom(), f"call-{uuid.uuid4().hex}"
    await cancelled_join(room, name)
    await room.disconnect()

    assert has_been_inside(room)
    await nobody_is_in(name)


async def test_an_agent_whose_call_ended_while_it_joined_leaves_in_the_background_under_the_calls_id(
    livekit: LiveKitServer,
) -> None:
    room, name, seen = CancellableRoom(), f"call-{uuid.uuid4().hex}", list[object]()
    room.on("connection_state_changed", seen.append)
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        with structlog.contextvars.bound_contextvars(call_id="a-call"):
            await cancelled_join(room, name)
            departures.leave_later(room)
            departures.leave_later(room)  # as ear and voice do
        assert await departures.all_left()

    assert has_been_inside(room)
    await nobody_is_in(name)
    assert seen == []
    assert logs == [{"event": "left_after_cancelled_join", "call_id": "a-call", "log_level": "info"}]


async def test_a_process_that_stops_waits_no_longer_than_it_may_for_a_room_that_is_not_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = asyncio.Event()

    class Stuck(CancellableRoom):
        async def disconnect(self, **_: object) -> None:
            await held.wait()

    monkeypatch.setattr(departures, "LEFT_WITHIN_S", 0.01)
    departures.leave_later(Stuck())
    assert not await departures.all_left()
    held.set()
    assert await departures.all_left()
