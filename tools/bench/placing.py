"""Placing calls from several caller processes, and collecting what they heard."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any

from tools.bench.callers import CALLS_A_PROCESS
from tools.local import ROOT
from tools.world import World

STAGGER_S = 1.7
READY_S = 2.5  # a caller process takes that long to import and to make its speech
GRACE_S = 60.0


@dataclass(frozen=True)
class Placed:
    """One call that is over: when it joined (s, monotonic clock) and the caller's report; or the error instead."""

    joined_at: float
    report: dict[str, Any]
    error: str = ""

    @property
    def ended_at(self) -> float:
        return self.joined_at + float(self.report.get("duration_s", 0.0))


@dataclass(frozen=True)
class Plan:
    """Calls to place: `lanes` at once, each again and again until `repeat_for_s` is over (0: one call each).

    `call_s` is about how long one call takes, in seconds. A plan of one call is recorded in the file `wav`, if given.
    """

    yaml: str
    to: str
    lanes: int
    call_s: float
    repeat_for_s: float = 0.0
    wav: str = ""

    @property
    def max_call_s(self) -> float:
        return self.call_s * 3 + 60


class Callers:
    """The running caller processes of a plan; at most three calls in each."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._plan = plan
        self._lines: Queue[str | None] = Queue()
        self._processes: list[subprocess.Popen[str]] = []
        self._deadline = time.monotonic() + plan.repeat_for_s + plan.max_call_s + plan.lanes * STAGGER_S + GRACE_S
        log = (world.log_dir / "callers.log").open("ab")
        with log:
            for share in shares(plan.lanes):
                process = subprocess.Popen(
                    [sys.executable, "-m", "tools.bench.callers"],
                    cwd=ROOT,
                    env=dict(world.process("callers").environment),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
                self._processes.append(process)
                self._send_plan(process, world, share)
                threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _send_plan(self, process: subprocess.Popen[str], world: World, share: range) -> None:
        begin = time.monotonic() + READY_S
        plan = {
            "yaml": self._plan.yaml,
            "to": self._plan.to,
            "livekit_url": world.instance.livekit_url,
            "max_seconds": self._plan.max_call_s,
            "wav": self._plan.wav,
            "lanes": [
                {
                    "from": f"+1202555{2000 + number}",
                    "starts_at": begin + number * STAGGER_S,
                    "until": begin + self._plan.repeat_for_s,
                }
                for number in share
            ],
        }
        if process.stdin is not None:
            with process.stdin as pipe:
                json.dump(plan, pipe)

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is not None:
            for line in process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def finish(self, on_call: Callable[[Placed], None] | None = None) -> list[Placed]:
        """Wait for every call, telling each as it ends; whatever happens, end the processes."""
        placed: list[Placed] = []
        open_processes = len(self._processes)
        try:
            while open_processes:
                line = self._lines.get(timeout=max(0.1, self._deadline - time.monotonic()))
                if line is None:
                    open_processes -= 1
                    continue
                placed.append(parse(line))
                if on_call is not None:
                    on_call(placed[-1])
        except Empty:
            placed.append(Placed(0.0, {}, "the callers did not end in time"))
        finally:
            self.stop()
        return placed

    def stop(self) -> None:
        """End the caller processes that still run."""
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def parse(line: str) -> Placed:
    """A line that a caller process wrote."""
    document = json.loads(line)
    return Placed(document.get("joined_at", 0.0), document.get("report", {}), document.get("error", ""))


def shares(lanes: int) -> list[range]:
    """Split the lanes evenly into as few processes of at most three as can be."""
    count = -(-lanes // CALLS_A_PROCESS)
    edges = [round(lanes * number / count) for number in range(count + 1)]
    return [range(start, end) for start, end in zip(edges, edges[1:], strict=False)]
