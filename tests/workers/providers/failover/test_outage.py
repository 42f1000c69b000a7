"""Who is tried when providers fail one after the other, and when it has lasted too long."""

import pytest

from workers.providers.failover import outage
from workers.providers.failover.outage import AGAIN_AFTER_S, TRIES_FOR_S, Outage
from workers.providers.targets import Target

FIRST, SECOND = (Target("stt", name, "model", "https://example.com", "key") for name in ("first", "second"))


class Clock:
    """Time that passes when somebody sleeps."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outage, "time", clock)
    monkeypatch.setattr(outage, "asyncio", clock)
    return clock


async def test_each_target_is_tried_and_then_all_of_them_again(clock: Clock) -> None:
    targets = Outage([FIRST, SECOND])
    assert await targets.next_after(FIRST) == SECOND
    assert await targets.next_after(SECOND) == FIRST
    assert clock.now == 100 + AGAIN_AFTER_S
    assert await targets.next_after(FIRST) == SECOND


async def test_a_single_target_is_tried_again(clock: Clock) -> None:
    assert await Outage([FIRST]).next_after(FIRST) == FIRST


async def test_nobody_is_left_when_the_outage_has_lasted_too_long(clock: Clock) -> None:
    targets = Outage([FIRST, SECOND])
    await targets.next_after(FIRST)
    clock.now += TRIES_FOR_S + 0.1
    assert await targets.next_after(SECOND) is None


async def test_a_target_that_works_ends_the_outage(clock: Clock) -> None:
    targets = Outage([FIRST, SECOND])
    await targets.next_after(FIRST)
    clock.now += TRIES_FOR_S + 0.1
    targets.is_over()
    assert await targets.next_after(SECOND) == FIRST
