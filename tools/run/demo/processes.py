"""`python -m tools.run.demo.processes LOG_DIR`: runs the Procfile under honcho, with one log file per process.

A process that exits is restarted after a pause. Everything ends with SIGTERM, when one of the processes keeps
ending, or when its standard input is closed: so that nothing is left when the demo is killed.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import IO, Any

from honcho import environ, manager
from honcho.printer import Message, Printer
from honcho.process import Popen, Process

from tools.local.logs import PRIVATE, open_log, rotate
from tools.local.restarts import Restarts

PROCFILE = Path(__file__).resolve().parents[3] / "Procfile"
# Seconds from SIGTERM to SIGKILL: a worker ends its calls first.
manager.KILL_WAIT = 20


class LogFiles(Printer):  # type: ignore[misc]  # honcho has no types
    """Writes each process's output to LOG_DIR/<name>.log, and honcho's own to LOG_DIR/honcho.log."""

    def __init__(self, log_dir: Path) -> None:
        super().__init__()
        self._log_dir = log_dir
        self._files: dict[str, IO[bytes]] = {}

    def write(self, message: Message) -> None:
        name = "honcho" if message.name == manager.SYSTEM_PRINTER_NAME else message.name
        path = self._log_dir / f"{name}.log"
        if name not in self._files:
            self._files[name] = open_log(path)
        data = message.data
        self._files[name].write(data if isinstance(data, bytes) else data.encode())
        rotate([path])


class Restarting(Process):  # type: ignore[misc]  # honcho has no types
    """A process that is restarted when it exits. Honcho learns only of the last exit."""

    def __init__(self, *arguments: Any, stopping: Event, **values: Any) -> None:
        super().__init__(*arguments, **values)
        self._stopping = stopping
        self._restarts = Restarts()

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Run the command until all are `stopping`, or it keeps exiting. Runs in a process of its own."""
        self._events = events
        if ignore_signals:
            for ignored in (signal.SIGINT, signal.SIGTERM):
                signal.signal(ignored, lambda *_: None)  # unlike SIG_IGN, no child inherits it
        while True:
            began = time.monotonic()
            code = self._run_once()
            pause_s = self._restarts.ended(time.monotonic() - began)
            if self._stopping.is_set() or self._restarts.is_crash_loop:
                break
            self._tell(f"{self.name} ended with code {code}; restarting in {pause_s:.0f} s\n")
            if self._stopping.wait(pause_s):
                break
        self._send_message({"returncode": code}, type="stop")

    def _run_once(self) -> int:
        child = Popen(self.cmd, env=self.env, cwd=self.cwd)
        self._send_message({"pid": child.pid}, type="start")
        if self._stopping.is_set():  # honcho has sent its signal to the one before
            child.terminate()
        for line in iter(child.stdout.readline, b""):
            self._send_message(line)
        return int(child.wait())

    def _tell(self, text: str) -> None:
        self._events.put(Message("line", text, datetime.now(UTC), manager.SYSTEM_PRINTER_NAME, None))


class Manager(manager.Manager):  # type: ignore[misc]  # honcho has no types
    """Honcho's manager, which restarts processes that exit, and may be stopped while it is still starting them."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(printer)
        self._stopping = multiprocessing.Event()
        self._process_ctor = partial(Restarting, stopping=self._stopping)

    def terminate(self) -> None:
        self._stopping.set()
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(0.1, self.terminate).start()


def main() -> int:
    os.umask(PRIVATE)
    log_dir = Path(sys.argv[1])
    processes = Manager(LogFiles(log_dir))
    for name, command in environ.parse_procfile(PROCFILE.read_text()).processes.items():
        processes.add_process(name, command, env=os.environ | {"PYTHONUNBUFFERED": "1"}, cwd=str(PROCFILE.parent))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    processes.loop()
    return int(processes.returncode)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin.read: its lock would be held, and inherited, while honcho forks
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
