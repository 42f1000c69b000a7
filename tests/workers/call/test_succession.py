"""What an agent asks the one before it. tests/faults/workers/test_workers.py shows how two real ones do it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc

from workers.call import handover

PCM = bytes(range(256)) * 100
GONE = rtc.RpcError(rtc.RpcError.ErrorCode.RECIPIENT_DISCONNECTED, "gone")


class Stream:
    """What arrives in a stream of bytes."""

    async def __aiter__(self) -> Any:
        yield PCM[:15_000]
        yield PCM[15_000:]


class Room:
    """A room with the former agent in it, which answers with a stream, an error or not at all."""

    def __init__(self, *, tells: bool = True, fails: bool = False, answers: bool = True, voices: int = 0) -> None:
        self.remote_participants = {"agent-1": SimpleNamespace(track_publications=dict.fromkeys(range(voices)))}
        self.local_participant = SimpleNamespace(perform_rpc=self._perform)
        self._tells, self._fails, self._answers = tells, fails, answers
        self._handlers: dict[str, Any] = {}

    def register_byte_stream_handler(self, topic: str, handler: Any) -> None:
        self._handlers[topic] = handler

    def unregister_byte_stream_handler(self, topic: str) -> None:
        del self._handlers[topic]

    async def _perform(self, **_: Any) -> str:
        if self._tells:
            self._handlers[handover.TOPIC](Stream(), "agent-1")
        await asyncio.sleep(0)
        if self._fails:
            raise GONE
        if not self._answers:
            await asyncio.Event().wait()
        return ""


async def ask(room: Room, former: str = "agent-1") -> bytes | None:
    return await handover.ask(room, former)  # type: ignore[arg-type]  # as much of a room as it needs


async def test_the_former_agent_reports_what_it_has_heard() -> None:
    assert await ask(Room()) == PCM


async def test_one_that_does_not_exist_is_not_asked() -> None:
    room = Room()
    assert await ask(room, "agent-7") is None


async def test_one_that_has_not_fallen_silent_is_lost_and_not_asked() -> None:
    assert await ask(Room(voices=1)) is None


async def test_one_that_does_not_understand_the_question_has_nothing_to_tell() -> None:
    assert await ask(Room(tells=False, fails=True)) is None


async def test_one_that_is_frozen_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "ANSWERS_WITHIN_S", 0.01)
    assert await ask(Room(tells=False, answers=False)) is None
