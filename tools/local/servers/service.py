"""What all private services have in common: start, wait until it answers, stop."""

import fcntl
import os
import pwd
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.errors import ToolError
from tools.local.instance import Instance, make_enterable
from tools.local.ports import Transport, require_free
from tools.local.process import Daemon


class Service(ABC):
    """One private server. `start` and `stop` may be called any number of times, also from several processes."""

    name: str  # of its files
    title: str  # for people
    system_user: str | None = None  # runs as this user when we are root
    stop_signal: signal.Signals = signal.SIGTERM
    start_deadline_s: float = 120.0  # on a busy machine; a server that has ended is noticed at once

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.directory = instance.data_dir / self.name
        self.log_file = instance.log_dir / f"{self.name}.log"

    def start(self) -> None:
        """Starts the server and returns when it answers. Raises ToolError."""
        with self._lock():
            if self.is_running() and self._wait_until_it_answers(self.start_deadline_s):
                return
            for port, variable, transport in self.ports():
                require_free(port, variable, transport)
            self.prepare()
            self._start_daemons()
            self.finish()

    def stop(self) -> None:
        """Stops the server; no process of it is left when this returns."""
        if not self.instance.state_dir.exists():
            return
        with self._lock():
            self.stop_daemons()

    def is_running(self) -> bool:
        """Whether the process lives. It may still be starting: `start` waits for it."""
        return self.daemon().pid() is not None

    @abstractmethod
    def daemon(self) -> Daemon: ...

    @abstractmethod
    def ports(self) -> list[tuple[int, str, Transport]]:
        """Each port that the server binds, with the variable it comes from."""

    @abstractmethod
    def prepare(self) -> None:
        """Writes configuration and data files; runs before every start."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes our login in its own protocol. Returns within two seconds."""

    def finish(self) -> None:  # noqa: B027 - a hook that most services do not need
        """Runs once the server answers after a start."""

    def stop_daemons(self) -> None:
        self.daemon().stop(self.stop_signal)

    def run_as(self) -> str | None:
        """The system user to run as: only root changes users, and only to one that exists."""
        if os.geteuid() != 0 or self.system_user is None:
            return None
        try:
            return pwd.getpwnam(self.system_user).pw_name
        except KeyError:
            return None

    def make_directory(self, path: Path, mode: int = 0o700) -> None:
        """Makes a directory that belongs to the service's user."""
        make_enterable(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        self.give(path)

    def write(self, path: Path, text: str, mode: int = 0o600) -> None:
        """Writes a file that only the service's user can read."""
        path.touch(mode=mode)
        path.chmod(mode)
        path.write_text(text)
        self.give(path)

    def give(self, path: Path) -> None:
        user = self.run_as()
        if user is not None:
            account = pwd.getpwnam(user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def _start_daemons(self) -> None:
        self.daemon().start()
        if self._wait_until_it_answers(self.start_deadline_s):
            return
        how = f"did not answer within {self.start_deadline_s:.0f} s" if self.is_running() else "ended while starting"
        last = self.daemon().last_log_line()
        self.stop_daemons()
        raise ToolError(f"{self.title} {how}: {last or 'no output'} (log: {self.log_file})")

    def _wait_until_it_answers(self, patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        while self.is_running():
            if self.answers():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return False

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One start or stop at a time, across processes."""
        make_enterable(self.instance.state_dir)
        with (self.instance.state_dir / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def program(name: str, *folders: Path) -> str:
    """The full path of a program from PATH, the system's sbin directories, or `folders`. Raises ToolError."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", *map(str, folders)])
    found = shutil.which(name, path=path)
    if found is None:
        raise ToolError(f"{name} is not installed; run scripts/setup")
    return found
