"""Calls that can be measured, also on a machine that is busy with something else now and then."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

CALLS = 4


class Measured(Protocol):
    """A call that is over. `audio_gaps` counts the holes in the caller's own audio."""

    audio_gaps: int


async def steady[T](place: Callable[[], Awaitable[T]], measured: Callable[[T], Measured]) -> T:
    """Place calls until the machine kept up with one. A call with a hole in its caller's audio measures the machine."""
    for _ in range(CALLS):
        call = await place()
        if measured(call).audio_gaps == 0:
            return call
    pytest.fail(
        f"the machine is too busy to measure on: {CALLS} calls had holes in their caller's audio", pytrace=False
    )
