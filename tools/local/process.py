"""A server process that outlives the program which started it, and is found again through its pid file."""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tools.local.logs import PRIVATE, open_log

# Children of this very process: they must be waited for, or they stay as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}
_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


@dataclass(frozen=True)
class Daemon:
    """One detached process in a session of its own. `user` is a system user to run as, or None for the caller."""

    command: Sequence[str]
    pid_file: Path
    log_file: Path
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None

    def start(self) -> None:
        """Starts the process; its output is appended to the log file."""
        pid = self.launch()
        beside = self.pid_file.with_suffix(".new")
        beside.write_text(f"{pid} {_identity(pid)}\n")
        beside.replace(self.pid_file)  # whoever reads it meanwhile finds the old one or the new one

    def launch(self) -> int:
        """Begins the process and returns its id. How a process comes to be is all that another kind may change."""
        account = pwd.getpwnam(self.user) if self.user else None
        with open_log(self.log_file) as log:
            process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=base_environment() | dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=PRIVATE,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=os.getgrouplist(account.pw_name, account.pw_gid) if account else None,
            )
        _children[process.pid] = process
        return process.pid

    def pid(self) -> int | None:
        """The process's id while it lives. A recycled id is recognized by its start time and does not count."""
        try:
            pid, identity = self.pid_file.read_text().strip().split(" ", 1)
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if _identity(int(pid)) == identity else None

    def stop(
        self, how: signal.Signals = signal.SIGTERM, patience_s: float = 20.0, repeat_after_s: float | None = None
    ) -> None:
        """Ends the process, by force when it has not gone after `patience_s`, and whatever is left of its session.

        `repeat_after_s`: sends the signal a second time to a process that still lives then.
        """
        pid = self.pid()
        if pid is not None:
            _send(pid, how)
            if repeat_after_s is not None and not _gone(pid, repeat_after_s):
                _send(pid, how)
            if not _gone(pid, patience_s):
                _send(pid, signal.SIGKILL)
                _gone(pid, 5.0)
            _end_session(pid)
        self.pid_file.unlink(missing_ok=True)

    def has_logged(self, text: str) -> bool:
        """Whether this text stands in the log file."""
        return self.log_file.exists() and text in self.log_file.read_text(errors="replace")

    def last_log_line(self) -> str:
        """The last line that says something, or an empty string."""
        if not self.log_file.exists():
            return ""
        lines = self.log_file.read_text(errors="replace").splitlines()[-40:]
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def base_environment() -> dict[str, str]:
    """What a server gets of our environment: never the secrets that the rest of it may hold."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _identity(pid: int) -> str | None:
    """Boot id and start time of a living process: together with the pid they never come twice. None for a zombie.

    Not psutil's create_time(), a time of day: it changes when the clock is set, and the process would seem to be gone.
    """
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        _children.pop(pid, None)
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in "ZX":
        if child is not None:  # it ended since we asked, and is ours to wait for
            child.wait()
            _children.pop(pid, None)
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {fields[19]}"


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return


def _gone(pid: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while _identity(pid) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _end_session(session: int) -> None:
    """Waits a moment for the server's own children, which notice its end by themselves, then kills the rest."""
    deadline = time.monotonic() + 2.0
    while members := _session_members(session):
        if time.monotonic() > deadline:
            for pid in members:
                _send(pid, signal.SIGKILL)
            return
        time.sleep(0.02)


def _session_members(session: int) -> list[int]:
    members = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(pid) == session and psutil.Process(pid).status() not in _ENDED:
                members.append(pid)
    return members
