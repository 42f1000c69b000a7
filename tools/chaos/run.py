"""A run: the world, the product in it, the calls and their faults, and then quiet."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace

import psutil

from tools.chaos.calls.behavior import Behavior
from tools.chaos.calls.conversation import TOOL, agents_script
from tools.chaos.calls.placing import CallerProcess, Placed, Telephones, follow
from tools.chaos.calls.plan import TALK_S, Fault, PlannedCall, Strike, plan
from tools.chaos.evidence.database import Database
from tools.chaos.evidence.records import Evidence, Standing
from tools.chaos.evidence.watch import AWAY, Watch
from tools.chaos.faults import FaultInjector
from tools.chaos.network.relay import Relay
from tools.chaos.network.wiring import Wiring
from tools.chaos.progress import Progress
from tools.errors import ToolError
from tools.local import ROOT
from tools.local.ports import LOOPBACK, free_ports
from tools.measure.world import Product, World, opened, remove

CHAOS_DIR = ROOT / ".local/chaos"
QUIET_WITHIN_S = 60.0
LOST_WEBHOOKS = ("participant_joined", "participant_left")
CALL_MAX_S, FAULT_MAX_S, AROUND_S = 20.0, 40.0, 240.0  # for the deadline of a run


@dataclass(frozen=True)
class Options:
    """`share` of the calls draw a fault."""

    calls: int
    share: float
    seed: int
    workers: int
    at_once: int

    def deadline_s(self, faults: int) -> float:
        """Longer than any run of these options takes that is not stuck somewhere."""
        return self.calls / self.at_once * CALL_MAX_S + faults * FAULT_MAX_S + AROUND_S


async def run(world: World, options: Options) -> Evidence:
    """Place the calls, cause the faults, wait until all is quiet, and return what there is to be judged."""
    [web_port] = free_ports(1)
    with Wiring(world) as wiring:
        async with _tool_that_never_answers() as tool_url:
            environment = {**world.environment, "CHAOS_TOOL_URL": tool_url}
            # The relay listens where LiveKit sends its webhooks, and the web process elsewhere.
            behind = replace(world, instance=replace(world.instance, web_port=web_port), environment=environment)
            return await _run_in(world, behind, wiring, options)


async def _run_in(world: World, behind: World, wiring: Wiring, options: Options) -> Evidence:
    relay = Relay(behind.web_url)
    async with (
        relay.listening(world.instance.web_port),
        _running(_product(behind, wiring, options)) as product,
        _telephones(world, options.at_once) as telephones,
    ):
        await asyncio.to_thread(world.control, "scenario", {"yaml": agents_script(options.calls)})
        database = Database(world.instance.database_url)
        watch = Watch(world, database)
        injector = FaultInjector(world, product, wiring, database, telephones)
        watching = [asyncio.create_task(watch.run()), asyncio.create_task(_replace_ended(injector))]
        calls = _Calls(options, telephones, relay, injector, world.instance.livekit_url)
        try:
            await calls.place()
        except TimeoutError:  # judged all the same: the calls that are missing are breaches
            await telephones.stop()
        try:
            standing = await _quiet(watch, options)
        finally:
            for task in watching:
                task.cancel()
        rows = await asyncio.to_thread(database.calls)
    return Evidence(
        calls.planned, calls.placed, rows, watch.samples, injector.caused, standing, options.workers, injector.ended
    )


def _product(world: World, wiring: Wiring, options: Options) -> Product:
    """Workers with enough slots for every call when one of them is away, and for some who call twice."""
    slots = -(-options.at_once // max(1, options.workers - 1)) + 2
    environment = {"DRAIN_SECONDS": "1"}
    return Product(world, options.workers, slots, worker_environment=environment, environment_of=wiring.of)


async def _replace_ended(injector: FaultInjector) -> None:
    while True:
        await asyncio.to_thread(injector.replace_ended)
        await asyncio.sleep(2.0)


@asynccontextmanager
async def _tool_that_never_answers() -> AsyncIterator[str]:
    """The URL of a tool's service that takes connections and says nothing, not even the first word of TLS."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()  # to the end: ended by the deadline of the other side
        writer.close()

    server = await asyncio.start_server(hold, LOOPBACK, 0)
    async with server:
        yield f"https://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/{TOOL}"


@asynccontextmanager
async def _running(product: Product) -> AsyncIterator[Product]:
    try:
        await asyncio.to_thread(product.prepare, "tools.chaos.seed")
        await asyncio.to_thread(product.start)
        yield product
    finally:
        await asyncio.to_thread(product.stop)


@asynccontextmanager
async def _telephones(world: World, at_once: int) -> AsyncIterator[Telephones]:
    telephones = Telephones(world, at_once)
    try:
        await telephones.start()
        yield telephones
    finally:
        await telephones.stop()


async def _quiet(watch: Watch, options: Options) -> Standing:
    """What stands once everything is over, or after a minute. Raises ToolError when there is no answer then."""
    deadline = time.monotonic() + QUIET_WITHIN_S
    while True:
        late = time.monotonic() > deadline
        try:
            standing = await watch.standing()
        except AWAY as error:
            if late:
                raise ToolError(f"no answer after the last fault: {error!r}") from error
        else:
            if late or _is_quiet(standing, options):
                return standing
        await asyncio.sleep(1.0)


def _is_quiet(standing: Standing, options: Options) -> bool:
    left = standing.rooms or any(standing.messages.values()) or standing.spooled
    return not left and len(standing.beats) == options.workers and not any(beat.busy for beat in standing.beats)


class _Calls:
    """Places the planned calls, so many at once, each with its fault."""

    def __init__(
        self, options: Options, telephones: Telephones, relay: Relay, injector: FaultInjector, livekit_url: str
    ) -> None:
        self._options = options
        self._telephones = telephones
        self._relay = relay
        self._injector = injector
        self._livekit_url = livekit_url
        self._waiting = plan(options.calls, options.share, options.seed)
        self.planned = options.calls + sum(call.behavior == Behavior.CALLS_TWICE for call in self._waiting)
        self._one_service = asyncio.Lock()  # of the services, one is broken at a time
        self.placed: list[Placed] = []

    async def place(self) -> None:
        """Return when every call is over and every fault has passed. Raises TimeoutError at the run's deadline."""
        faults = sum(call.strike is not None for call in self._waiting)
        lanes = min(self._options.at_once, len(self._waiting))
        progress = Progress(self._options, self.placed, self._injector.caused)
        telling = asyncio.create_task(progress.tell())
        try:
            async with asyncio.timeout(self._options.deadline_s(faults)), asyncio.TaskGroup() as group:
                for number in range(lanes):
                    group.create_task(self._lane(group, number * TALK_S / lanes))
        finally:
            telling.cancel()

    async def _lane(self, group: asyncio.TaskGroup, after_s: float) -> None:
        await asyncio.sleep(after_s)
        while self._waiting:
            call = self._next()
            strike = call.strike
            breaks_service = strike is not None and not strike.fault.hits_one_call
            if breaks_service:
                await self._one_service.acquire()
            placed = Placed(call)
            self.placed.append(placed)
            process = await self._telephones.process_of(
                call, its_own=strike is not None and strike.fault == Fault.CALLER_KILLED
            )
            self._arrange_webhooks(call)
            process.begin(call, self._livekit_url)
            if call.behavior == Behavior.CALLS_TWICE:
                group.create_task(self._place_twin(process, call.twin))
            placed.joined_at = await process.joined(call)
            if strike is not None:
                group.create_task(self._strike(placed, strike, breaks_service))
            await follow(process, placed)

    async def _place_twin(self, process: CallerProcess, twin: PlannedCall) -> None:
        placed = Placed(twin)
        self.placed.append(placed)
        process.begin(twin, self._livekit_url)
        placed.joined_at = await process.joined(twin)
        await follow(process, placed)

    def _next(self) -> PlannedCall:
        """The next call that need not wait until a service is whole again; else the next one."""
        if self._one_service.locked():
            for index, call in enumerate(self._waiting):
                if call.strike is None or call.strike.fault.hits_one_call:
                    return self._waiting.pop(index)
        return self._waiting.pop(0)

    def _arrange_webhooks(self, call: PlannedCall) -> None:
        match call.strike:
            case Strike(Fault.WEBHOOK_DOUBLED):
                self._relay.doubled.add(call.room)
            case Strike(Fault.WEBHOOK_LOST, target=target):
                self._relay.lost[call.room] = LOST_WEBHOOKS[int(target * len(LOST_WEBHOOKS))]

    async def _strike(self, placed: Placed, strike: Strike, breaks_service: bool) -> None:
        try:
            if not strike.fault.concerns_webhooks:
                await asyncio.sleep(strike.after_s)
            placed.killed = strike.fault == Fault.CALLER_KILLED
            await self._injector.cause(placed.call, strike)
        finally:
            if breaks_service:
                self._one_service.release()


@contextmanager
def own_world() -> Iterator[World]:
    """A world for this process, in .local/chaos/<pid>; those of processes that died are removed."""
    CHAOS_DIR.mkdir(parents=True, exist_ok=True)
    for directory in CHAOS_DIR.iterdir():
        if directory.is_dir() and not (directory.name.isdecimal() and psutil.pid_exists(int(directory.name))):
            with suppress(OSError):
                remove(directory)
    with opened(CHAOS_DIR / str(os.getpid()), durable=False) as world:
        try:
            yield world
        finally:
            shutil.copytree(world.instance.log_dir, world.log_dir / "services", dirs_exist_ok=True)
