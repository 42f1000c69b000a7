"""Callers who join a room and leave it again at once: no audio, only the telephone's side of the call."""

import asyncio
import itertools
import random

from django.conf import settings
from livekit import rtc

from simulator.caller import CallerSettings
from simulator.caller.telephone import token
from simulator.scenario import parse_scenario
from tests.faults.scenarios import SHORT_CHAT

SHORTEST_S, LONGEST_S = 0.05, 1.5


async def join_and_leave(count: int, at_once: int, to: str, seed: int = 1) -> list[str]:
    """Place so many calls, each of a number of its own and of 0.05 to 1.5 s. Returns their rooms."""
    chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
    numbers = itertools.count(1)
    rooms: list[str] = []

    async def callers() -> None:
        while (number := next(numbers)) <= count:
            rooms.append(await _call(to, f"+1202556{number:04}", chance.uniform(SHORTEST_S, LONGEST_S)))

    await asyncio.gather(*(callers() for _ in range(at_once)))
    return rooms


async def _call(to: str, from_number: str, lasts_s: float) -> str:
    caller = CallerSettings(
        livekit_url=settings.LIVEKIT_URL,
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        to_number=to,
        from_number=from_number,
        scenario=parse_scenario(SHORT_CHAT),
    )
    name = caller.new_room_name()
    room = rtc.Room()
    await room.connect(caller.livekit_url, token(caller, name), rtc.RoomOptions(auto_subscribe=False))
    await asyncio.sleep(lasts_s)
    await room.disconnect()
    return name
