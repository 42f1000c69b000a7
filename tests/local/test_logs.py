"""Logs of native processes are private, appended to after a restart, and bounded."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product.stack import eventually
from tools.local import ROOT, logs
from tools.local.process import Daemon
from tools.run.scale.supervisor import Supervisor


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(directory: Path, command: str) -> Daemon:
    """Run a command as a daemon until it has ended."""
    daemon = Daemon(["/bin/sh", "-c", command], directory / "one.pid", directory / "logs/one.log", directory)
    daemon.start()
    eventually(lambda: daemon.pid() is None, "its end")
    return daemon


def test_what_a_process_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    directory.chmod(0o755)
    (directory / "one.log").touch(0o644)  # of a version that left it open

    daemon = run(tmp_path, "echo begun; touch made")

    assert (mode(daemon.log_file), mode(directory), mode(tmp_path / "made")) == (0o600, 0o700, 0o600)


def test_a_log_is_appended_to_after_a_restart(tmp_path: Path) -> None:
    run(tmp_path, "echo first")
    assert run(tmp_path, "echo second").log_file.read_text() == "first\nsecond\n"


def test_a_log_that_is_too_large_is_set_aside_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST", 3)
    for number in range(logs.KEPT + 3):
        log = run(tmp_path, f"echo line {number}").log_file

    kept = [logs.numbered(log, number) for number in range(1, logs.KEPT + 1)]
    assert log.read_text() == f"line {logs.KEPT + 2}\n"
    assert [old.read_text() for old in kept] == [f"line {number}\n" for number in range(logs.KEPT + 1, 1, -1)]
    assert sorted(log.parent.iterdir()) == sorted([log, *kept])
    assert {mode(old) for old in kept} == {0o600}


def test_the_log_of_a_running_process_is_set_aside_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LARGEST", 3)
    steps = "echo before; until [ -e go ]; do sleep 0.05; done; echo after; exec sleep 600"
    log = tmp_path / "logs/one.log"
    daemon = Daemon(["/bin/sh", "-c", steps], tmp_path / "one.pid", log, tmp_path)
    daemon.start()
    try:
        eventually(lambda: daemon.has_logged("before"), "its first line")
        Supervisor(dict, tmp_path).look()
        (tmp_path / "go").touch()
        eventually(lambda: daemon.has_logged("after"), "its second line")
    finally:
        daemon.stop()
    assert (log.read_text(), logs.numbered(log, 1).read_text()) == ("after\n", "before\n")


@pytest.mark.parametrize("module", ["tools.run.demo", "tools.run.scale", "tools.local"])
def test_the_native_tools_write_for_their_owner_alone(module: str, tmp_path: Path) -> None:
    """Whatever they write: they begin with the umask, as a stand-in for what comes next can see."""
    seen = tmp_path / "umask"
    program = f"""
import os, runpy, sys
import environ
def stop(*_):
    open({str(seen)!r}, "w").write(oct(os.umask(0)))
    raise SystemExit(0)
environ.Env.read_env = stop
sys.argv = [{module!r}, *{["status"] if module != "tools.run.demo" else []}]
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ, capture_output=True, timeout=60)
    assert seen.read_text() == oct(logs.PRIVATE)


def test_system_users_may_still_enter_where_their_data_is(tmp_path: Path) -> None:
    """Under the umask a directory would be closed to the user that PostgreSQL runs as when root starts it."""
    program = (
        "import os, sys; from pathlib import Path; from tools.local.instance import make_enterable;"
        "os.umask(0o077); make_enterable(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a/b")], cwd=ROOT, check=True)
    assert (mode(tmp_path / "a"), mode(tmp_path / "a/b")) == (0o755, 0o755)
