"""Callers of a chaos run, while LiveKit restarts."""

from typing import Any

import pytest

from simulator.caller.settings import CallError, NotReached
from tools.chaos.calls import callers


class LiveKit:
    """Takes a call after it has refused the first ones."""

    def __init__(self, *refusals: CallError) -> None:
        self.refusals = list(refusals)

    async def place_call(self, *_: Any) -> str:
        if self.refusals:
            raise self.refusals.pop(0)
        return "report"


async def dial(monkeypatch: pytest.MonkeyPatch, livekit: LiveKit) -> Any:
    monkeypatch.setattr(callers, "place_call", livekit.place_call)
    monkeypatch.setattr(callers, "REDIALS_AFTER_S", 0)
    return await callers.dial(None, None, None)  # type: ignore[arg-type]  # only passed on


async def test_a_caller_who_does_not_get_through_dials_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await dial(monkeypatch, LiveKit(NotReached("away"), NotReached("away"))) == "report"


async def test_nobody_dials_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotReached):
        await dial(monkeypatch, LiveKit(*[NotReached("away")] * (callers.REDIALS + 1)))


async def test_another_refusal_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CallError, match="key"):
        await dial(monkeypatch, LiveKit(CallError("the key is refused"), NotReached("away")))
