"""Looks at LiveKit and the database every two seconds while the soak runs, and at all that is left in the end."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import amqp
import psutil
import psycopg
from kombu import Connection
from kombu.exceptions import KombuError
from livekit import api

from tools.chaos.evidence.database import Database
from tools.chaos.evidence.records import Agent, RoomSeen, Sample, Standing
from tools.measure.world import World

SAMPLE_S = 2.0
ANSWER_WITHIN_S = 5.0
AWAY = (OSError, TimeoutError, psycopg.Error, aiohttp.ClientError, api.TwirpError, KombuError, amqp.AMQPError)
"""What is raised while one of the services is stopped on purpose."""
QUEUES = ("calls", "calls.dead")


class Watch:
    """`samples` grows while `run` does. While a service is down, there is no sample."""

    def __init__(self, world: World, database: Database) -> None:
        self._world = world
        self._database = database
        self.samples: list[Sample] = []

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            begun = time.monotonic()
            with contextlib.suppress(*AWAY):  # the next look tells
                self.samples.append(await self._sample())
            await asyncio.sleep(max(0.0, begun + SAMPLE_S - time.monotonic()))

    async def standing(self) -> Standing:
        """What is there now. Raises one of AWAY when a service is."""
        rooms = await self._rooms()
        return Standing(
            rooms=await asyncio.to_thread(self._seen, rooms),
            messages=await asyncio.to_thread(self._messages),
            dead_letters=await asyncio.to_thread(self._database.dead_letters),
            beats=await asyncio.to_thread(self._database.beats),
            spooled=await asyncio.to_thread(self._spooled),
        )

    def _spooled(self) -> list[str]:
        return sorted(path.name for path in Path(self._world.environment["SPOOL_DIR"]).glob("*"))

    async def _sample(self) -> Sample:
        rooms = await self._rooms()
        at = time.time()
        live = await asyncio.to_thread(self._database.live)
        empty_slots = await asyncio.to_thread(self._database.empty_slots)
        return Sample(at, await asyncio.to_thread(self._seen, rooms), live, empty_slots)

    async def _rooms(self) -> dict[str, list[api.ParticipantInfo]]:
        instance = self._world.instance
        keys = (instance.livekit_url, instance.livekit_api_key, instance.livekit_api_secret)
        async with asyncio.timeout(ANSWER_WITHIN_S), api.LiveKitAPI(*keys) as livekit:
            listed = await livekit.room.list_rooms(api.ListRoomsRequest())
            people = await asyncio.gather(*(_people(livekit, room.name) for room in listed.rooms))
        return {room.name: found for room, found in zip(listed.rooms, people, strict=True) if found is not None}

    def _seen(self, rooms: Mapping[str, list[api.ParticipantInfo]]) -> dict[str, RoomSeen]:
        statuses, holders = self._database.statuses(rooms), self._database.holders(rooms)
        return {
            room: RoomSeen(
                people=frozenset(person.identity for person in people),
                agents=[
                    Agent(attempt, bool(person.tracks), _runs(holders.get((room, attempt))))
                    for person in people
                    if (attempt := _attempt_of(person)) is not None
                ],
                status=statuses.get(room, ""),
            )
            for room, people in rooms.items()
        }

    def _messages(self) -> dict[str, int]:
        with Connection(self._world.instance.broker_url, connect_timeout=2) as connection:
            channel: Any = connection.default_channel
            return {name: channel.queue_declare(name, passive=True).message_count for name in QUEUES}


async def _people(livekit: api.LiveKitAPI, room: str) -> list[api.ParticipantInfo] | None:
    """Who is in the room; None when it has closed meanwhile."""
    try:
        answer = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
    except api.TwirpError as error:
        if error.code == api.TwirpErrorCode.NOT_FOUND or error.message == "could not find object":
            return None
        raise
    return list(answer.participants)


def _attempt_of(person: api.ParticipantInfo) -> int | None:
    """Of an agent, the attempt in its identity (agent-2)."""
    name, _, number = person.identity.rpartition("-")
    return int(number) if name == "agent" and number.isdecimal() else None


def _runs(pid: int | None) -> bool:
    """Whether the process lives and is not stopped by a signal."""
    if pid is None:
        return False
    try:
        state = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return state not in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
