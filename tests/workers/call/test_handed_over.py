"""A call that was given back belongs to the next agent, whatever goes wrong on this side."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from calls.lifecycle import leases
from workers.call import handover


async def test_an_agent_that_cannot_fall_silent_has_handed_over_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def give_back(function: Any, *_: Any) -> bool:
        assert function is leases.hand_over
        return True

    monkeypatch.setattr(handover, "in_database", give_back)
    held: Any = SimpleNamespace(call=SimpleNamespace(pk=1, attempt=1), recorder=SimpleNamespace(flush=AsyncMock()))
    conversation: Any = MagicMock(ending=asyncio.Future())
    conversation.fall_silent = AsyncMock(side_effect=RuntimeError("the connection is lost"))
    transport: Any = MagicMock()

    assert await handover.hand_over(held, conversation, transport, MagicMock())
