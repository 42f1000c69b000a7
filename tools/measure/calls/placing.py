"""Placing calls from several caller processes, and collecting what they heard."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Protocol

from simulator.speech.synthesis import Speech
from tools.local import ROOT
from tools.measure.calls.callers import CALLS_A_PROCESS

STAGGER_S = 1.7
READY_S = 2.5  # a caller process takes that long to import and to make its speech
GRACE_S = 60.0


@dataclass(frozen=True)
class Placed:
    """One call that is over: when it joined (s, monotonic clock) and the caller's report; or the error instead.

    `room` and `caller`, a number, are empty for a caller that did not end.
    """

    joined_at: float
    report: dict[str, Any]
    error: str = ""
    room: str = ""
    caller: str = ""

    @property
    def ended_at(self) -> float:
        return self.joined_at + float(self.report.get("duration_s", 0.0))


class Site(Protocol):
    """Where the calls go: LiveKit's address, what the caller processes get of an environment, and where they log."""

    @property
    def livekit_url(self) -> str: ...

    @property
    def environment(self) -> Mapping[str, str]: ...

    @property
    def log_dir(self) -> Path: ...


@dataclass(frozen=True)
class Plan:
    """Calls to place: `lanes` at once, each again and again until `repeat_for_s` is over (0: one call each).

    `call_s` is about how long one call takes, in seconds; lanes begin `stagger_s` after one another. A plan of one call
    is recorded in the file `wav`, if given. Rooms have fresh names that begin with `room_prefix`.
    """

    yaml: str
    to: str
    lanes: int
    call_s: float
    repeat_for_s: float = 0.0
    wav: str = ""
    stagger_s: float = STAGGER_S
    speech: Speech = "scripted"
    room_prefix: str = "call-"

    @property
    def max_call_s(self) -> float:
        return self.call_s * 3 + 60


class Callers:
    """The running caller processes of a plan; at most three calls in each."""

    def __init__(self, site: Site, plan: Plan) -> None:
        self._plan = plan
        self.live: set[str] = set()
        """The rooms of the callers who are in a call now."""
        self._lines: Queue[str | None] = Queue()
        self._processes: list[subprocess.Popen[str]] = []
        self._deadline = time.monotonic() + plan.repeat_for_s + plan.max_call_s + plan.lanes * plan.stagger_s + GRACE_S
        site.log_dir.mkdir(parents=True, exist_ok=True)
        split = shares(plan.lanes)
        begin = time.monotonic() + READY_S * max(1.0, len(split) / len(os.sched_getaffinity(0)))
        with (site.log_dir / "callers.log").open("ab") as log:
            for share in split:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tools.measure.calls.callers"],
                    cwd=ROOT,
                    env={**os.environ, **site.environment},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
                self._processes.append(process)
                self._send_plan(process, site, share, begin)
                threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _send_plan(self, process: subprocess.Popen[str], site: Site, share: range, begin: float) -> None:
        plan = {
            "yaml": self._plan.yaml,
            "to": self._plan.to,
            "livekit_url": site.livekit_url,
            "max_seconds": self._plan.max_call_s,
            "wav": self._plan.wav,
            "speech": self._plan.speech,
            "room_prefix": self._plan.room_prefix,
            "lanes": [
                {
                    "from": f"+1202555{2000 + number}",
                    "starts_at": begin + number * self._plan.stagger_s,
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
                document = json.loads(line)
                if "joined" in document:
                    self.live.add(document["joined"])
                    continue
                placed.append(parse(document))
                self.live.discard(placed[-1].room)
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


def parse(document: Mapping[str, Any]) -> Placed:
    """What a caller process wrote about a call that is over."""
    return Placed(
        document.get("joined_at", 0.0),
        document.get("report", {}),
        document.get("error", ""),
        document.get("room", ""),
        document.get("from", ""),
    )


def shares(lanes: int) -> list[range]:
    """Split the lanes evenly into as few processes of at most three as can be."""
    count = -(-lanes // CALLS_A_PROCESS)
    edges = [round(lanes * number / count) for number in range(count + 1)]
    return [range(start, end) for start, end in zip(edges, edges[1:], strict=False)]
