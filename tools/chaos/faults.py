"""Causes faults, and repairs them: whatever is broken here works again when `cause` returns."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from tools.chaos.calls.placing import Telephones
from tools.chaos.calls.plan import Fault, PlannedCall, Strike
from tools.chaos.evidence.database import Database
from tools.chaos.evidence.records import Caused
from tools.chaos.network.wiring import Line, Wiring
from tools.errors import ToolError
from tools.local import LiveKit, Postgres, RabbitMQ, Service
from tools.local.process import Daemon
from tools.measure.world import Product, World

AWAY_S = 3.0  # Postgres, the web process
FROZEN_S = 8.0  # longer than a lease
CUT_OFF_S = 8.0  # the same
PANIC = "timed out waiting for ReadyForRoomEventRequest"
SLOW_S, QUERY_TAKES_S = 8.0, 0.3
PROVIDER_FAILS_S = 5.0
# DRAIN_SECONDS, and a sentence that is finished (workers.conversation.speaking.LAST_WORDS_S), twice.
STOPS_WITHIN_S = 45.0

PROVIDER_FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.LLM_500: {"stage": "llm", "kind": "500"},
    Fault.LLM_HANGS: {"stage": "llm", "kind": "hang"},
    Fault.STT_CLOSED: {"stage": "stt", "kind": "close_after", "after_s": 1.0},
    Fault.TTS_SILENT: {"stage": "tts", "kind": "no_audio"},
}


CUT_OFF: Mapping[Fault, Line] = {
    Fault.CUT_OFF_FROM_POSTGRES: Line.POSTGRES,
    Fault.CUT_OFF_FROM_RABBITMQ: Line.RABBITMQ,
    Fault.CUT_OFF_FROM_LIVEKIT: Line.LIVEKIT,
    Fault.CUT_OFF_FROM_PROVIDERS: Line.PROVIDERS,
}


class FaultInjector:
    """`caused` grows with every fault. `world` has LiveKit's own settings, which the product's may differ from.

    `ended` grows with every worker that ends although nobody has killed or stopped it.
    """

    def __init__(
        self, world: World, product: Product, wiring: Wiring, database: Database, telephones: Telephones
    ) -> None:
        self._world = world
        self._product = product
        self._wiring = wiring
        self._database = database
        self._telephones = telephones
        self._frozen: list[Daemon] = []
        self.caused: list[Caused] = []
        self.ended: list[str] = []

    async def cause(self, call: PlannedCall, strike: Strike) -> None:
        """Break it, and mend it."""
        caused = Caused(strike.fault, call.room, time.time())
        self.caused.append(caused)
        try:
            await self._cause(call, strike, caused)
        except (ToolError, OSError) as error:
            caused.problem = str(error)
        finally:
            caused.ended_at = time.time()

    async def _cause(self, call: PlannedCall, strike: Strike, caused: Caused) -> None:
        instance = self._world.instance
        match strike.fault:
            case Fault.WORKER_KILLED:
                await self._in_thread(self._kill, self._victim(call, strike))
            case Fault.WORKER_STOPPED:
                caused.problem = await asyncio.to_thread(self._replace, self._victim(call, strike))
            case Fault.WORKER_FROZEN:
                await self._freeze(self._victim(call, strike))
            case Fault.RABBITMQ_RESTARTED:
                await self._in_thread(_restart, RabbitMQ(instance), 0.0)
            case Fault.POSTGRES_RESTARTED:
                await self._in_thread(_restart, Postgres(instance), AWAY_S)
            case Fault.LIVEKIT_RESTARTED:
                await self._in_thread(_restart, LiveKit(instance), 0.0)
            case Fault.WEB_RESTARTED:
                await self._in_thread(self._restart_web)
            case Fault.HOUSEKEEPING_RESTARTED:
                await self._in_thread(self._restart_housekeeping)
            case Fault.POSTGRES_SLOW:
                await self._slow_down()
            case _ if strike.fault in CUT_OFF:
                await self._cut_off(self._victim(call, strike), CUT_OFF[strike.fault])
            case Fault.CALLER_KILLED:
                self._telephones.kill_caller(call.number)
            case _ if strike.fault in PROVIDER_FAULTS:
                await self._fail_provider(PROVIDER_FAULTS[strike.fault])

    async def _in_thread(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do it to the end, also when the run is stopped meanwhile: nobody else would mend it."""
        working = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait({working})
            raise

    def _victim(self, call: PlannedCall, strike: Strike) -> Daemon:
        """The worker that holds this call; else any."""
        workers = self._product.workers
        try:
            holder = self._database.holder_of(call.room)
        except psycopg.Error:
            holder = None
        by_chance = workers[int(strike.target * len(workers))]
        return next((worker for worker in workers if worker.pid() == holder), by_chance)

    def replace_ended(self) -> None:
        """Start another worker for each that has ended by itself, as a supervisor does, and note it.

        But one that was frozen while it joined a room: LiveKit's native part stops it (docs/ARCHITECTURE.md).
        """
        for worker in [worker for worker in self._product.workers if worker.pid() is None]:
            if not (worker in self._frozen and worker.has_logged(PANIC)):
                self.ended.append(f"{worker.log_file.stem}: {worker.last_log_line()}")
            try:
                self._kill(worker)
            except ToolError as error:  # the next look replaces that one
                self.ended.append(str(error))

    def _kill(self, worker: Daemon) -> None:
        self._product.workers.remove(worker)
        worker.stop(signal.SIGKILL)
        self._product.wait_for_worker(self._product.begin_worker())

    def _replace(self, worker: Daemon) -> str:
        """Ask it to stop while another starts. Returns what went wrong: it did not stop."""
        pid = worker.pid()
        self._product.workers.remove(worker)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        self._product.wait_for_worker(self._product.begin_worker())
        deadline = time.monotonic() + STOPS_WITHIN_S
        while worker.pid() is not None and time.monotonic() < deadline:
            time.sleep(0.1)
        stopped = worker.pid() is None
        worker.stop(signal.SIGKILL)
        return "" if stopped else f"{worker.log_file.stem} did not stop within {STOPS_WITHIN_S:g} s"

    async def _freeze(self, worker: Daemon) -> None:
        pid = worker.pid()
        if pid is None:
            raise ToolError(f"{worker.log_file.stem} has ended by itself: {worker.last_log_line()}")
        self._frozen.append(worker)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN_S)
        finally:
            os.kill(pid, signal.SIGCONT)

    def _restart_web(self) -> None:
        self._product.web.stop()
        time.sleep(AWAY_S)
        self._product.web.start()
        self._product.wait_for_web()

    def _restart_housekeeping(self) -> None:
        self._product.housekeeping.stop()
        self._product.housekeeping.log_file.unlink(missing_ok=True)
        self._product.housekeeping.start()
        self._product.wait_for_worker(self._product.housekeeping)

    async def _cut_off(self, worker: Daemon, line: Line) -> None:
        name = worker.log_file.stem
        self._wiring.cut(name, line)
        try:
            await asyncio.sleep(CUT_OFF_S)
        finally:
            self._wiring.mend(name, line)

    async def _slow_down(self) -> None:
        self._wiring.slow_down(Line.POSTGRES, QUERY_TAKES_S)
        try:
            await asyncio.sleep(SLOW_S)
        finally:
            self._wiring.slow_down(Line.POSTGRES, 0.0)

    async def _fail_provider(self, fault: Mapping[str, Any]) -> None:
        await asyncio.to_thread(self._world.control, "faults", fault)
        try:
            await asyncio.sleep(PROVIDER_FAILS_S)
        finally:
            await asyncio.to_thread(self._world.control, "faults", method="DELETE")


def _restart(service: Service, away_s: float) -> None:
    service.stop()
    time.sleep(away_s)
    service.start()
