"""The processes of the Procfile: starts them, waits until they can take a call, stops them."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.errors import ToolError
from tools.local import ROOT, Instance, Service
from tools.local.logs import make_log_dir, open_log, set_aside
from tools.local.ports import LOOPBACK
from tools.local.queues import has_consumer
from tools.run.demo import console

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 40.0
_SHOWN_LOG_LINES = 15
_GONE = re.compile(r"^(\w+) stopped \(rc=(-?\d+)\)", re.MULTILINE)
_ENDED = re.compile(r"^(\w+) (?:stopped \(rc=|ended with code )(-?\d+)", re.MULTILINE)
_TOLD = re.compile(r"^\w+ ended with code .+$", re.MULTILINE)


class Stack:
    """Everything that the Procfile names, as one child process which runs honcho."""

    def __init__(self, log_dir: Path) -> None:
        make_log_dir(log_dir)
        self.log_dir = log_dir
        self._honcho: subprocess.Popen[bytes] | None = None

    def manage(self, *command: str) -> None:
        """Runs a Django command. Raises ToolError with the end of its output."""
        log = self.log_dir / f"{command[0]}.log"
        with open_log(log) as output:
            done = subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if done.returncode:
            raise ToolError(f"manage.py {command[0]} failed (log: {log})\n{_end_of(log)}")

    def prepare(self, found: Sequence[Service]) -> None:
        """Starts the services, and fills the database while RabbitMQ, which takes longest, is still starting."""
        with ThreadPoolExecutor() as pool:
            starts = {service.name: pool.submit(service.start) for service in found}
            if "postgres" in starts:
                starts["postgres"].result()
            console.step("Database tables and the demo's persona, number and login")
            self.manage("migrate", "--no-input")
            self.manage("seed_demo")
            for start in starts.values():
                start.result()

    def start(self) -> None:
        honcho = self.log_dir / "honcho.log"
        if honcho.exists():
            set_aside(honcho)  # it tells of other processes
        self._honcho = subprocess.Popen(
            [sys.executable, "-m", "tools.run.demo.processes", str(self.log_dir)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us alone: we stop it in order
        )

    def stop(self) -> None:
        if self._honcho is None:
            return
        self._honcho.terminate()
        try:
            self._honcho.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._honcho.kill()
            self._honcho.wait()

    def wait(self) -> None:
        """Never returns. Reports each exit, and raises ToolError if a process of the stack keeps exiting."""
        told = 0
        while True:
            self.require_alive()
            notices = _TOLD.findall(self._honcho_log())
            for notice in notices[told:]:
                console.verdict(False, notice)
            told = len(notices)
            time.sleep(0.5)

    def wait_until_ready(self) -> None:
        """Returns when a call can be taken. Raises ToolError which names what is not ready, with the end of its log."""
        deadline = time.monotonic() + READY_WITHIN_S
        for name, is_ready in self._conditions():
            while not is_ready():
                self._require_none(_ENDED, "ended")
                self.require_alive()
                if time.monotonic() > deadline:
                    log = self.log_dir / f"{name}.log"
                    raise ToolError(f"{name} is not ready after {READY_WITHIN_S:.0f} s (log: {log})\n{_end_of(log)}")
                time.sleep(0.2)

    def require_alive(self) -> None:
        """Raises ToolError, with the end of its log, when a process keeps exiting: honcho then stops the others."""
        self._require_none(_GONE, "keeps exiting, most recently")
        if self._honcho is not None and self._honcho.poll() is not None:
            log = self.log_dir / "honcho.log"
            raise ToolError(f"honcho ended with code {self._honcho.returncode} (log: {log})\n{_end_of(log)}")

    def _require_none(self, that_ended: re.Pattern[str], what: str) -> None:
        ended = that_ended.search(self._honcho_log())
        if ended:
            log = self.log_dir / f"{ended.group(1)}.log"
            raise ToolError(f"{ended.group(1)} {what} with code {ended.group(2)} (log: {log})\n{_end_of(log)}")

    def _honcho_log(self) -> str:
        honcho = self.log_dir / "honcho.log"
        return honcho.read_text() if honcho.exists() and self._honcho else ""

    def _conditions(self) -> list[tuple[str, Callable[[], bool]]]:
        broker_url = os.environ.get("CELERY_BROKER_URL") or Instance.from_environment().broker_url
        conditions: list[tuple[str, Callable[[], bool]]] = [
            ("web", lambda: _answers(int(os.environ["WEB_PORT"]), "/health")),
            ("simulator", lambda: _answers(int(os.environ["SIMULATOR_PORT"]), "/health")),
            ("worker", lambda: has_consumer(broker_url, "calls")),
            ("housekeeping", lambda: has_consumer(broker_url, "housekeeping")),
        ]
        if not os.environ.get("LIVEKIT_URL"):
            conditions.append(("livekit", lambda: _answers(int(os.environ["LIVEKIT_PORT"]), "/")))
        return conditions


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end_of(log: Path) -> str:
    if not log.exists():
        return "  (no output)"
    return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-_SHOWN_LOG_LINES:])
