"""`python -m tools.run.scale.supervisor --state DIR`: restarts processes that exited without being stopped.

A pid file says that a process is meant to run: `scale.sh` removes it before it stops one. What has happened so far is
in supervisor.json, for `scale.sh status`, and line by line in supervisor.log.
"""

import argparse
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tools.local import Instance, LiveKit
from tools.local.logs import rotate
from tools.local.process import Daemon
from tools.local.restarts import STEADY_S, Restarts
from tools.run.scale import processes
from tools.run.scale.lock import alone
from tools.run.scale.singles import Singles
from tools.run.scale.workers import Workers, name_of

EVERY_S = 0.5


@dataclass
class Supervised:
    """What the supervisor knows of one process. Times are `time.monotonic()`."""

    seen_at: float
    restarts: Restarts = field(default_factory=Restarts)
    start_at: float | None = None
    """When it is started again; None while it runs."""


class Supervisor:
    """Call `look` again and again. `meant` gives the processes that are meant to run, by name."""

    def __init__(self, meant: Callable[[], Mapping[str, Daemon]], state_dir: Path) -> None:
        self._meant = meant
        self.state_dir = state_dir
        self._known: dict[str, Supervised] = {}

    def look(self) -> None:
        """Note what has ended, and start what has paused long enough, unless `up` or `down` is at work. Rotate logs."""
        rotate((self.state_dir / "logs").glob("*.log"))
        before = self._told()
        with suppress(BlockingIOError), alone(self.state_dir):
            for name, daemon in self._meant().items():
                self._look_at(name, daemon)
        if self._told() != before:
            _write(restarts_file(self.state_dir), self._told())

    def _look_at(self, name: str, daemon: Daemon) -> None:
        now = time.monotonic()
        known = self._known.setdefault(name, Supervised(now))
        if daemon.pid() is not None:
            if known.start_at is not None:  # someone else was faster
                known.start_at, known.seen_at = None, now
            if now - known.seen_at >= STEADY_S:
                known.restarts.is_steady()
        elif known.start_at is None:
            pause_s = known.restarts.ended(now - known.seen_at)
            known.start_at = now + pause_s
            _log(f"{name} exited; restarting in {pause_s:.0f} s. Its last line: {daemon.last_log_line()}")
            if known.restarts.is_crash_loop:
                _log(f"CRASH LOOP: {name} exited {known.restarts.in_a_row} times in a row (log: {daemon.log_file})")
        elif now >= known.start_at:
            daemon.start()
            known.start_at, known.seen_at = None, now
            _log(f"{name} started (pid {daemon.pid()})")

    def _told(self) -> dict[str, dict[str, int]]:
        ended = {name: known.restarts for name, known in self._known.items() if known.restarts.total}
        return {name: {"total": restarts.total, "in_a_row": restarts.in_a_row} for name, restarts in ended.items()}


def restarts_file(state_dir: Path) -> Path:
    return state_dir / "supervisor.json"


def restarts(state_dir: Path) -> dict[str, Restarts]:
    """What has ended so far, by name; empty without a supervisor."""
    try:
        return {name: Restarts(**values) for name, values in json.loads(restarts_file(state_dir).read_text()).items()}
    except FileNotFoundError:
        return {}


def daemon(instance: Instance) -> Daemon:
    """The supervisor's own process, running or not."""
    command = f"exec python -m tools.run.scale.supervisor --state {instance.state_dir}"
    return processes.daemon(instance, "supervisor", command)


def _write(file: Path, told: object) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(told))
    beside.replace(file)  # whoever reads it finds the old one or the new one


def _log(text: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)


def _meant(instance: Instance) -> Callable[[], dict[str, Daemon]]:
    singles, workers = Singles(instance), Workers(instance, processes.commands()["worker"])
    named = {"livekit": LiveKit(instance).daemon()} | singles.daemons

    def meant() -> dict[str, Daemon]:
        begun = {name: one for name, one in named.items() if one.pid_file.exists()}
        return begun | {name_of(number): one for number, one in workers.begun().items()}

    return meant


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.run.scale.supervisor", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="where the pid files are")
    instance = Instance.from_environment(state_dir=parser.parse_args().state)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # `down` waits for it; it holds nothing that must be closed
    supervisor = Supervisor(_meant(instance), instance.state_dir)
    _log("looks after what runs")
    while True:
        supervisor.look()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
