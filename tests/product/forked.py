"""Processes of the product that come from the fork server (tests/product/fork_server.py) instead of a fresh Python."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.services import INSTANCE
from tools.local import ROOT
from tools.local.process import Daemon, base_environment


class Forked(Daemon):
    """A daemon whose command is a Python script: itself in every respect, but its libraries are imported already."""

    def launch(self) -> int:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.touch()  # it is there when this returns, though the process may not have begun
        environment = base_environment() | dict(self.environment)
        return fork_server().fork(self.command, environment, self.directory, self.log_file)


class ForkServer:
    """The server's process. It imports meanwhile: the first fork waits for it. It ends with the process that has it."""

    def __init__(self, log_file: Path) -> None:
        self._log_file = log_file
        self._asking = threading.Lock()
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.product.fork_server"],
                cwd=ROOT,
                # The threads of its pool would be lost in a fork; a worker's arrays are far too small to share out.
                env=base_environment() | {"OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def fork(self, command: Sequence[str], environment: Mapping[str, str], directory: Path, log_file: Path) -> int:
        """Return the id of a new process. Raises RuntimeError when the server has ended."""
        request = {
            "command": list(command),
            "environment": dict(environment),
            "directory": str(directory),
            "log_file": str(log_file),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._asking:
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the fork server has ended: {self._log_file.read_text()[-2000:]}")
        return int(answer)


@cache
def fork_server() -> ForkServer:
    """The server of this process, started now if it was not."""
    return ForkServer(INSTANCE.state_dir / "logs" / "fork-server.log")
