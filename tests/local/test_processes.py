"""The demo's processes end with their parent, whatever happens to it."""

import os
import re
import signal
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.product.stack import eventually
from tools.local import ROOT
from tools.local.restarts import LOOP
from tools.run.demo import processes

STARTED = re.compile(r"^(\w+) started \(pid=(\d+)\)$", re.MULTILINE)
RUN = """
import sys
from pathlib import Path
from tools.run.demo import processes
processes.PROCFILE = Path(sys.argv[2])
raise SystemExit(processes.main())
"""


@pytest.fixture
def procfile(tmp_path: Path) -> Path:
    path = tmp_path / "Procfile"
    path.write_text("one: echo begun; exec sleep 600\ntwo: exec sleep 600\n")
    return path


def _run(tmp_path: Path, procfile: Path, first: str = "") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", f"{first}{RUN}", str(tmp_path), str(procfile)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)


def _wait_for_log(tmp_path: Path, running: "subprocess.Popen[bytes]") -> None:
    log = tmp_path / "one.log"
    while running.poll() is None and not (log.exists() and log.read_text() == "begun\n"):
        pass


def _pids(tmp_path: Path) -> list[str]:
    return [pid for pids in _pids_by_name(tmp_path).values() for pid in pids]


def _pids_by_name(tmp_path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, pid in STARTED.findall((tmp_path / "honcho.log").read_text()):
        found.setdefault(name, []).append(pid)
    return found


def _lives(pid: str) -> bool:
    try:
        return b"sleep" in Path("/proc", pid, "cmdline").read_bytes()
    except FileNotFoundError:
        return False


def test_logs_are_appended_to_in_the_next_run_and_are_private(tmp_path: Path, procfile: Path) -> None:
    log = tmp_path / "one.log"
    for lines in ("begun\n", "begun\nbegun\n"):
        running = _run(tmp_path, procfile)
        eventually(partial(_holds, log, lines), "its line")
        running.terminate()
        running.wait(20)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def _holds(log: Path, text: str) -> bool:
    return log.exists() and log.read_text() == text


def test_each_process_has_a_log_of_its_own_and_all_end_on_sigterm(tmp_path: Path, procfile: Path) -> None:
    running = _run(tmp_path, procfile)
    _wait_for_log(tmp_path, running)
    running.terminate()
    running.wait(30)
    assert len(_pids(tmp_path)) == 2
    assert not any(_lives(pid) for pid in _pids(tmp_path))


def test_all_end_when_the_parent_is_gone(tmp_path: Path, procfile: Path) -> None:
    running = _run(tmp_path, procfile)
    _wait_for_log(tmp_path, running)
    assert running.stdin is not None
    running.stdin.close()
    running.wait(30)
    assert not any(_lives(pid) for pid in _pids(tmp_path))


def test_a_stop_while_processes_are_starting_leaves_none(tmp_path: Path, procfile: Path) -> None:
    running = _run(tmp_path, procfile)
    while running.poll() is None and not (tmp_path / "honcho.log").exists():
        pass
    running.terminate()
    running.wait(30)
    assert not any(_lives(pid) for pid in _pids(tmp_path))


def test_the_procfile_names_every_process() -> None:
    names = [line.split(":")[0] for line in processes.PROCFILE.read_text().splitlines()]
    assert names[:7] == ["web", "worker", "housekeeping", "beat", "flower", "livekit", "simulator"]


def test_a_process_that_ends_is_started_again_and_the_others_continue(tmp_path: Path, procfile: Path) -> None:
    running = _run(tmp_path, procfile)
    _wait_for_log(tmp_path, running)
    try:
        eventually(lambda: len(_pids(tmp_path)) == 2, "both have started")
        one, two = _pids_by_name(tmp_path)["one"][0], _pids_by_name(tmp_path)["two"][0]
        os.kill(int(one), signal.SIGKILL)
        again = eventually(lambda: _pids_by_name(tmp_path)["one"][1:], "its restart")
        assert _lives(two)
        assert "one ended with code -9; restarting in 1 s" in (tmp_path / "honcho.log").read_text()
        eventually(lambda: (tmp_path / "one.log").read_text() == "begun\nbegun\n", "its log goes on")
    finally:
        running.terminate()
        running.wait(30)
    assert not any(_lives(pid) for pid in (*again, two))


def test_a_process_that_keeps_ending_ends_all(tmp_path: Path, procfile: Path) -> None:
    procfile.write_text("one: exit 3\ntwo: exec sleep 600\n")
    running = _run(tmp_path, procfile, "from tools.local import restarts; restarts.PAUSES_S = (0.01,)")
    assert running.wait(60) == 3
    told = (tmp_path / "honcho.log").read_text()
    assert told.count("one ended with code 3") == LOOP - 1
    assert "one stopped (rc=3)" in told
    assert not any(_lives(pid) for pid in _pids(tmp_path))
