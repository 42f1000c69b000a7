"""The workers: more of them, or fewer. A stopping worker takes no more calls, finishes those it has, and exits."""

import os
import re
import signal
import time
from contextlib import suppress

from tools.local import Instance
from tools.local.process import Daemon
from tools.run.scale import processes

DRAINING = ".draining"
_PID_FILE = re.compile(rf"^worker-(\d+)({re.escape(DRAINING)})?\.pid$")


def name_of(number: int) -> str:
    """What a worker is called."""
    return f"worker-{number}"


class Workers:
    """The worker processes of an instance, by number; pid files remember them from one command to the next."""

    def __init__(self, instance: Instance, command: str) -> None:
        """`command` is the Procfile's; every worker gets a name of its own in Celery."""
        self._instance = instance
        self._command = command

    def serving(self) -> dict[int, Daemon]:
        """Those that live and take calls."""
        return self._living(mark="")

    def draining(self) -> dict[int, Daemon]:
        """Those that live, but only as long as their calls do."""
        return self._living(mark=DRAINING)

    def lost(self) -> dict[int, Daemon]:
        """Those that exited without having been stopped."""
        return {number: worker for number, worker in self.begun().items() if worker.pid() is None}

    def grow(self, count: int) -> list[int]:
        """Starts so many more, under the lowest numbers that are free. Returns the numbers."""
        taken = {*self.serving(), *self.draining()}
        free = (number for number in range(1, len(taken) + count + 1) if number not in taken)
        begun = [number for number, _ in zip(free, range(count), strict=False)]
        for number in begun:
            self._daemon(number).start()
        return begun

    def shrink(self, count: int) -> list[int]:
        """Tells so many to go, the highest numbers first, and waits for none of them. Returns the numbers."""
        going = sorted(self.serving(), reverse=True)[:count]
        for number in going:
            worker = self._daemon(number)
            pid = worker.pid()
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            worker.pid_file.rename(self._daemon(number, DRAINING).pid_file)
        return going

    def wait_until_drained(self, within_s: float) -> bool:
        """Waits for those that are going. False when some of them live on."""
        deadline = time.monotonic() + within_s
        while self.draining():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def forget_lost(self) -> None:
        """They count no more."""
        for worker in self.lost().values():
            worker.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends all that are left, at once, and forgets them."""
        for worker in (*self.begun().values(), *self.begun(DRAINING).values()):
            worker.stop(signal.SIGKILL)

    def _living(self, mark: str) -> dict[int, Daemon]:
        return {number: worker for number, worker in self.begun(mark).items() if worker.pid() is not None}

    def begun(self, mark: str = "") -> dict[int, Daemon]:
        """Those that are meant to run, or with the mark DRAINING to end, whether they live or not."""
        found = [_PID_FILE.match(pid_file.name) for pid_file in self._instance.state_dir.glob("worker-*.pid")]
        numbers = sorted(int(match.group(1)) for match in found if match and (match.group(2) or "") == mark)
        return {number: self._daemon(number, mark) for number in numbers}

    def _daemon(self, number: int, mark: str = "") -> Daemon:
        # the last -n of a command line is the one that Celery takes
        command = f"{self._command} -n calls-{number}@%h"
        return processes.daemon(self._instance, name_of(number), command, mark)
