"""Measuring one cell: start a contender, warm it up, place its calls, and sample its processes meanwhile."""

import os
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.bench.compare.contenders import Contender
from tools.measure import conversation, processes
from tools.measure.calls.cell import Cell
from tools.measure.calls.placing import Callers, Placed, Plan
from tools.measure.numbers import Policy
from tools.measure.world import World

SAMPLE_S = 2.0
SETTLE_S = 4.0  # a pool of idle processes is filled again after the warm-up
STEADY_AFTER_S = 3.0  # from the last call's beginning to when its memory counts


@dataclass
class Sampler:
    """Samples the agents' memory in a thread: (s on the monotonic clock, MB)."""

    contender: Contender
    samples: list[tuple[float, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Sampler":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self.samples.append((time.monotonic(), processes.pss_mb(self.contender.agents())))

    def while_all_talk(self, placed: Sequence[Placed]) -> float | None:
        """The median of the samples that were taken while every call was up; None when there was no such time."""
        talking = [call for call in placed if not call.error]
        if not talking:
            return None
        start = max(call.joined_at for call in talking) + STEADY_AFTER_S
        end = min(call.ended_at for call in talking)
        found = [mb for at, mb in self.samples if start <= at <= end]
        return statistics.median(found) if found else None


@dataclass(frozen=True)
class Load:
    """How many calls at once, and about how many seconds each."""

    calls: int
    seconds: float


def measure(world: World, contender: Contender, policy: Policy, load: Load, cell: Cell) -> Cell:
    """Fill the cell. The contender is started for it and stopped after it, whatever happens."""
    contender.start(policy)
    try:
        number = contender.number(policy)
        _warm_up(world, number)
        time.sleep(SETTLE_S)
        agents, control = contender.agents(), contender.control_plane()
        cell.idle_pss_mb = processes.pss_mb(agents)
        cell.control_pss_mb = processes.pss_mb(control)
        plan = Plan(conversation.script(load.seconds), number, load.calls, load.seconds)
        parts = {"agents": agents, "control": control, **world.outside()}
        before = {part: processes.cpu_seconds(pids) for part, pids in parts.items()}
        with Sampler(contender) as sampler:
            placed = Callers(world, plan).finish()
            for part, pids in parts.items():
                setattr(cell, f"{part}_cpu_s", processes.cpu_seconds(pids) - before[part])
            cell.load_average = os.getloadavg()[0]
        cell.hear(placed)
        cell.busy_pss_mb = sampler.while_all_talk(placed)
    finally:
        contender.stop()
    return cell


def _warm_up(world: World, number: str) -> None:
    Callers(world, Plan(conversation.warm_up_script(), number, 1, 20.0)).finish()
