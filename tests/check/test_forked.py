"""Processes from the fork server are like those that are started afresh, with the libraries imported already."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.product.forked import Forked
from tests.product.stack import eventually

SCRIPT = """
import json, os, signal, sys, threading
from django.conf import settings

print(json.dumps({
    "pid": os.getpid(),
    "session": os.getsid(0),
    "environment": dict(os.environ),
    "arguments": sys.argv,
    "directory": os.getcwd(),
    "input": os.readlink("/proc/self/fd/0"),
    "threads": threading.active_count(),
    "libraries": "pipecat.pipeline.worker" in sys.modules,
    "ours": sorted(
        {name.partition(".")[0] for name in sys.modules} & {"access", "agents", "callcenter", "calls", "common"}
    ),
    "settings": settings.configured,
}), flush=True)
signal.pause()
"""


@pytest.fixture
def forked(tmp_path: Path) -> Iterator[Forked]:
    """A running process, which tells about itself in its log."""
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    daemon = Forked(
        command=[str(script), "--fast"],
        pid_file=tmp_path / "pid",
        log_file=tmp_path / "logs" / "log",
        directory=tmp_path,
        environment={"COLOR": "green"},
    )
    daemon.start()
    yield daemon
    daemon.stop()


def told(daemon: Forked) -> dict[str, Any]:
    """What the process says of itself."""
    eventually(lambda: daemon.has_logged("\n"), "the process's words")
    return dict(json.loads(daemon.log_file.read_text()))


def test_it_has_its_own_session_environment_arguments_and_log(forked: Forked, tmp_path: Path) -> None:
    found = told(forked)
    assert found["pid"] == found["session"] == forked.pid() != os.getpid()
    assert found["environment"].keys() == {"COLOR", "PATH", "LANG", "LC_ALL", "TZ"}
    assert found["arguments"] == [str(tmp_path / "script"), "--fast"]
    assert found["directory"] == str(tmp_path)
    assert found["input"] == os.devnull


def test_it_begins_with_libraries_and_nothing_of_ours(forked: Forked) -> None:
    found = told(forked)
    assert found["libraries"]
    assert (found["ours"], found["settings"], found["threads"]) == ([], False, 1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_by_a_signal_and_leaves_nothing(forked: Forked, how: signal.Signals) -> None:
    pid = told(forked)["pid"]
    forked.stop(how)
    assert forked.pid() is None
    assert not Path("/proc", str(pid)).exists()
