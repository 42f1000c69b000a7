"""What ends natively is started again; what keeps ending is told, and not hidden."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.product.stack import eventually
from tools.local.process import Daemon
from tools.local.restarts import LOOP, PAUSES_S, STEADY_S, Restarts
from tools.run.scale import supervisor
from tools.run.scale.lock import alone
from tools.run.scale.state import State, with_restarts
from tools.run.scale.supervisor import Supervisor, restarts, restarts_file


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.local.restarts.PAUSES_S", (0.01,))


def process(tmp_path: Path, command: str) -> Daemon:
    log_file = tmp_path / "one.log"
    return Daemon(["/bin/sh", "-c", command], tmp_path / "one.pid", log_file, tmp_path)


def pid_after_look(watch: Supervisor, daemon: Daemon) -> int | None:
    watch.look()
    return daemon.pid()


def restarts_after_look(watch: Supervisor) -> Restarts:
    watch.look()
    return restarts(watch.state_dir).get("one", Restarts())


def kill(daemon: Daemon) -> None:
    pid = daemon.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: daemon.pid() is None, "its end")


@pytest.mark.usefixtures("short_pauses")
def test_a_killed_process_is_restarted_and_its_log_is_appended_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = process(tmp_path, "echo begun; exec sleep 600")
    watch = Supervisor(lambda: {"one": one}, tmp_path)
    one.start()
    try:
        watch.look()
        eventually(lambda: one.has_logged("begun"), "its first line")
        kill(one)
        eventually(lambda: pid_after_look(watch, one), "its restart")
        eventually(lambda: one.log_file.read_text() == "begun\nbegun\n", "its second line")
    finally:
        one.stop()
    told = capsys.readouterr().out
    assert "one exited; restarting in 0 s. Its last line: begun" in told
    assert "one started (pid " in told
    assert restarts(tmp_path) == {"one": Restarts(total=1, in_a_row=1)}


@pytest.mark.usefixtures("short_pauses")
def test_a_crash_loop_is_reported_and_still_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = process(tmp_path, "echo no such table; exit 3")
    watch = Supervisor(lambda: {"one": one}, tmp_path)
    one.start()
    eventually(lambda: restarts_after_look(watch).is_crash_loop, "a crash loop")
    eventually(lambda: restarts_after_look(watch).in_a_row > LOOP, "another try")
    told = capsys.readouterr().out
    assert f"CRASH LOOP: one exited {LOOP} times in a row (log: {one.log_file})" in told
    state = with_restarts(State("one", True, "port 80"), restarts(tmp_path)["one"])
    assert not state.works
    assert state.note.startswith("CRASH LOOP: exited")


@pytest.mark.usefixtures("short_pauses")
def test_nothing_is_started_while_it_is_being_stopped(tmp_path: Path) -> None:
    one = process(tmp_path, "exit 0")
    watch = Supervisor(lambda: {"one": one}, tmp_path)
    one.start()
    eventually(lambda: one.pid() is None, "its end")
    with alone(tmp_path):
        watch.look()
        watch.look()
    assert not restarts_file(tmp_path).exists()


def test_the_pause_grows_with_every_end_and_a_long_run_begins_anew() -> None:
    one = Restarts()
    assert [one.ended(ran_s=5.0) for _ in range(9)] == [*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]]
    assert one.is_crash_loop
    assert one.ended(ran_s=STEADY_S) == PAUSES_S[0]
    assert not one.is_crash_loop
    assert one.total == 10


def test_a_crash_loop_is_over_when_the_process_has_run_for_a_while(tmp_path: Path) -> None:
    one = process(tmp_path, "exec sleep 600")
    watch = Supervisor(lambda: {"one": one}, tmp_path)
    watch._known["one"] = supervisor.Supervised(seen_at=-STEADY_S, restarts=Restarts(total=LOOP, in_a_row=LOOP))
    one.start()
    try:
        watch.look()
    finally:
        one.stop()
    assert json.loads(restarts_file(tmp_path).read_text()) == {"one": {"total": LOOP, "in_a_row": 0}}


def test_what_ended_once_works_and_is_mentioned() -> None:
    assert with_restarts(State("web", True, "port 80"), None) == State("web", True, "port 80")
    state = with_restarts(State("web", True, "port 80"), Restarts(total=1, in_a_row=0))
    assert state == State("web", True, "port 80; exited once and was restarted")
