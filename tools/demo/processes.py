"""`python -m tools.demo.processes LOG_DIR`: runs the Procfile under honcho, with one log file a process.

Ends with SIGTERM, when one of the processes ends, or when its standard input is closed: so that nothing is left when
the demo is killed.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO

from honcho import environ, manager
from honcho.printer import Message, Printer

PROCFILE = Path(__file__).resolve().parents[2] / "Procfile"
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
        if name not in self._files:
            self._files[name] = (self._log_dir / f"{name}.log").open("wb", buffering=0)
        data = message.data
        self._files[name].write(data if isinstance(data, bytes) else data.encode())


class Manager(manager.Manager):  # type: ignore[misc]  # honcho has no types
    """Honcho's manager, which may also be stopped while it is still starting its processes."""

    def terminate(self) -> None:
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(0.1, self.terminate).start()


def main() -> int:
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
