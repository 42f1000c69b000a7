"""Places calls through caller processes, and keeps what each caller heard."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulator.speech.audio import wav
from simulator.speech.pcm import SAMPLE_RATE
from tools.chaos.calls.behavior import steps
from tools.chaos.calls.callers import MAX_S, RING_S
from tools.chaos.calls.conversation import NUMBER
from tools.chaos.calls.plan import PlannedCall
from tools.local import ROOT
from tools.measure.world import World

CALLS_A_PROCESS = 4
JOIN_WITHIN_S = 30.0
LINE_BYTES = 1024 * 1024
NOISE_S = 8


@dataclass
class Placed:
    """A call that was placed. Times are seconds since the epoch; `report` is the caller's own, once it is over.

    `error` says why there is no report; `killed` that its caller was, on purpose. `left_at` is when a caller hung up in
    the midst of its call, of which there is no report then.
    """

    call: PlannedCall
    joined_at: float | None = None
    ended_at: float | None = None
    report: dict[str, Any] | None = None
    error: str = ""
    killed: bool = False
    left_at: float | None = None

    @property
    def room(self) -> str:
        return self.call.room

    @property
    def answered(self) -> bool:
        """Whether the caller heard of an agent, as far as is known."""
        return bool(self.report and self.report["answered"])

    @property
    def every_reply_heard(self) -> bool:
        return bool(self.report and self.report["every_reply_heard"])

    @property
    def was_hung_up_on(self) -> bool:
        """Whether the call was ended by the other side."""
        return bool(self.report and self.report["ended_by"] in ("agent", "network"))

    def heard(self) -> list[tuple[float, float]]:
        """When the agent was heard, from and to."""
        if self.joined_at is None or self.report is None:
            return []
        return [(self.joined_at + begin, self.joined_at + end) for begin, end in self.report["agent_spoke"]]


class CallerProcess:
    """One running `tools.chaos.calls.callers`, and what became of its calls."""

    def __init__(self, process: asyncio.subprocess.Process, noise: Path) -> None:
        self._process = process
        self._noise = noise
        self._joined: dict[int, asyncio.Future[float]] = {}
        self._over: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, world: World) -> "CallerProcess":
        """Start one. It needs about two seconds before its first call."""
        with (world.log_dir / "callers.log").open("ab") as log:
            environment: Mapping[str, str] = world.process("callers").environment
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tools.chaos.calls.callers"),
                cwd=ROOT,
                env=dict(environment),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                limit=LINE_BYTES,
            )
        return cls(process, noise_of(world))

    def begin(self, call: PlannedCall, livekit_url: str) -> None:
        """Have it place this call now."""
        loop = asyncio.get_running_loop()
        self._joined[call.number], self._over[call.number] = loop.create_future(), loop.create_future()
        line = {
            "number": call.number,
            "room": call.room,
            "from": call.from_number,
            "to": NUMBER,
            "livekit_url": livekit_url,
            "yaml": json.dumps({"name": call.talk.keyword, "caller": {"steps": self._steps(call)}}),
            "leaving": asdict(call.leaving) if call.leaving else None,
        }
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")

    def _steps(self, call: PlannedCall) -> list[Any]:
        return steps(call.behavior, call.talk, str(self._noise))

    async def joined(self, call: PlannedCall) -> float | None:
        """When the caller joined its room; None when it did not."""
        awaited: set[asyncio.Future[Any]] = {self._joined[call.number], self._over[call.number]}
        await asyncio.wait(awaited, timeout=JOIN_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        future = self._joined[call.number]
        return future.result() if future.done() else None

    async def over(self, call: PlannedCall) -> dict[str, Any]:
        """The last line about the call; `error` in it when its process ended or time ran out."""
        try:
            async with asyncio.timeout(RING_S + MAX_S + JOIN_WITHIN_S):
                return await asyncio.shield(self._over[call.number])
        except TimeoutError:
            return {"error": "the caller did not end in time"}

    async def _read(self) -> None:
        if self._process.stdout is not None:
            async for line in self._process.stdout:
                self._take(json.loads(line))
        for future in self._over.values():
            if not future.done():
                future.set_result({"error": "the caller's process ended"})

    def _take(self, line: dict[str, Any]) -> None:
        number = line["number"]
        if "joined_at" in line:
            self._joined[number].set_result(line["joined_at"])
        else:
            self._over[number].set_result(line)

    def kill(self) -> None:
        """End it at once: its callers leave without a word."""
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End it, whatever its calls do."""
        self.kill()
        await self._process.wait()
        await self._reading


def noise_of(world: World) -> Path:
    """A WAV file in the run's logs: eight seconds of a noisy line, without a word."""
    path = world.log_dir / "noise.wav"
    if not path.exists():
        samples = np.random.default_rng(1).normal(scale=1200, size=NOISE_S * SAMPLE_RATE).astype(np.int16)
        path.write_bytes(wav(samples))
    return path


class Telephones:
    """The caller processes of a run. A caller that is to be killed gets a process of its own."""

    def __init__(self, world: World, at_once: int) -> None:
        self._world = world
        self._at_once = at_once
        self._shared: list[CallerProcess] = []
        self._own: dict[int, CallerProcess] = {}

    async def start(self) -> None:
        count = -(-self._at_once // CALLS_A_PROCESS)
        self._shared = [await CallerProcess.start(self._world) for _ in range(count)]

    async def stop(self) -> None:
        """End every process; none is left when this returns."""
        for process in (*self._shared, *self._own.values()):
            await process.stop()

    async def process_of(self, call: PlannedCall, *, its_own: bool) -> CallerProcess:
        """The process that is to place this call."""
        if not its_own:
            return self._shared[call.number % len(self._shared)]
        self._own[call.number] = await CallerProcess.start(self._world)
        return self._own[call.number]

    def kill_caller(self, number: int) -> None:
        """Kill the caller of this call, which has a process of its own."""
        self._own[number].kill()


async def follow(process: CallerProcess, placed: Placed) -> None:
    """Wait for the end of a call that was begun, and keep what its caller reports."""
    line = await process.over(placed.call)
    placed.report, placed.error, placed.left_at = line.get("report"), line.get("error", ""), line.get("left_at")
    placed.ended_at = time.time()
