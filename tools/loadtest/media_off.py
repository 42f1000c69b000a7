"""The load without media: webhooks as LiveKit sends them, to workers that hold each call and join no room."""

import asyncio
import secrets
import time

import aiohttp

from tools.loadtest.calls import CallResult
from tools.loadtest.options import Options
from tools.loadtest.progress import Progress
from tools.measure.calls.webhooks import one_call
from tools.measure.world import World

PAUSE_S = 0.5  # between the calls of a caller


def place(world: World, number: str, options: Options, prefix: str, origin: float) -> list[CallResult]:
    """Every call, when all are over. `origin` is when the test began (s, monotonic clock)."""
    return asyncio.run(_Load(world, number, options, prefix, origin).place())


class _Load:
    """As many callers as asked for, each of whom calls again and again."""

    def __init__(self, world: World, number: str, options: Options, prefix: str, origin: float) -> None:
        self._world = world
        self._number = number
        self._options = options
        self._prefix = prefix
        self._origin = origin
        self._live = 0
        self._progress = Progress(lambda: self._live)

    async def place(self) -> list[CallResult]:
        until = time.monotonic() + self._options.duration_s
        with self._progress:
            async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as lanes:
                for lane in range(self._options.calls):
                    lanes.create_task(self._lane(session, lane, until))
        return self._progress.results

    async def _lane(self, session: aiohttp.ClientSession, lane: int, until: float) -> None:
        await asyncio.sleep(self._options.ramp_up_s / self._options.calls * lane)
        while time.monotonic() < until:
            await self._one(session, f"+1202555{2000 + lane}")
            await asyncio.sleep(PAUSE_S)

    async def _one(self, session: aiohttp.ClientSession, caller: str) -> None:
        began = time.monotonic()
        result = CallResult(f"{self._prefix}{secrets.token_hex(6)}", caller, began - self._origin)
        self._live += 1
        try:
            result.webhooks_ms = await one_call(
                session, self._world, result.room, caller, self._number, self._options.hold_s
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            result.reason = f"a webhook was not taken: {error}"
        self._live -= 1
        result.duration_s = time.monotonic() - began
        self._progress.results.append(result)
