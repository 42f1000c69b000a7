"""A process whose agents do not reach LiveKit, until it answers again."""

import pytest

from calls.livekit import rooms
from workers.process import reachability
from workers.process.reachability import Reachability


class LiveKit:
    """Answers, or does not."""

    def __init__(self) -> None:
        self.is_there = True
        self.asked = 0

    async def reach(self) -> None:
        self.asked += 1
        if not self.is_there:
            raise TimeoutError


@pytest.fixture
def livekit(monkeypatch: pytest.MonkeyPatch) -> LiveKit:
    livekit = LiveKit()
    monkeypatch.setattr(rooms, "reach", livekit.reach)
    return livekit


async def test_nobody_asks_while_no_agent_has_failed(livekit: LiveKit) -> None:
    assert await Reachability().is_there()
    assert livekit.asked == 0


async def test_it_is_asked_some_time_after_an_agent_has_failed_and_not_at_once(
    livekit: LiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = Reachability()
    reached.failed()
    assert not await reached.is_there()
    assert livekit.asked == 0

    monkeypatch.setattr(reachability, "ASK_AFTER_S", 0.0)
    livekit.is_there = False
    assert not await reached.is_there()
    livekit.is_there = True
    assert await reached.is_there()
    assert await reached.is_there()
    assert livekit.asked == 2
