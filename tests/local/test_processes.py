"""The demo's processes end with their parent, whatever happens to it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.demo import processes
from tools.local import ROOT

RUN = """
import sys
from pathlib import Path
from tools.demo import processes
processes.PROCFILE = Path(sys.argv[2])
raise SystemExit(processes.main())
"""


@pytest.fixture
def procfile(tmp_path: Path) -> Path:
    path = tmp_path / "Procfile"
    path.write_text("one: echo begun; exec sleep 600\ntwo: exec sleep 600\n")
    return path


def _run(tmp_path: Path, procfile: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", RUN, str(tmp_path), str(procfile)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)


def _wait_for_log(tmp_path: Path, running: "subprocess.Popen[bytes]") -> None:
    log = tmp_path / "one.log"
    while running.poll() is None and not (log.exists() and log.read_text() == "begun\n"):
        pass


def _pids(tmp_path: Path) -> list[str]:
    lines = (tmp_path / "honcho.log").read_text().splitlines()
    return [line.split("pid=")[1].rstrip(")") for line in lines if " started (pid=" in line]


def _lives(pid: str) -> bool:
    try:
        return b"sleep" in Path("/proc", pid, "cmdline").read_bytes()
    except FileNotFoundError:
        return False


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
