"""Programs that run at once, as the gates and the tests do."""

import sys
import time
from pathlib import Path

import pytest

from tools.check.gates import gates
from tools.check.jobs import Job, failed
from tools.check.suite import suite


def program(text: str, name: str = "job", talks: bool = False) -> Job:
    return Job(name, [sys.executable, "-c", text], {"WORD": "spoken"}, talks)


def test_only_those_that_did_not_pass_come_back_and_are_heard(capsys: pytest.CaptureFixture[str]) -> None:
    passes = program("print('all is well')", "gate")
    fails = program("import os; print(os.environ['WORD']); raise SystemExit(3)", "other gate")

    assert failed([passes, fails]) == [fails]

    shown = capsys.readouterr().out
    assert "✓ gate (" in shown
    assert "all is well" not in shown
    assert "✗ other gate (" in shown
    assert "spoken" in shown


def test_one_that_talks_is_heard_although_it_passed(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed([program("print('1 passed')", talks=True)]) == []
    assert "1 passed" in capsys.readouterr().out


def test_they_run_at_once(tmp_path: Path) -> None:
    both = "import pathlib, time\nmine, other = pathlib.Path({!r}), pathlib.Path({!r})\nmine.touch()\n"
    wait = "until = time.monotonic() + 60\nwhile not other.exists():\n    assert time.monotonic() < until\n"
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    one, other = ((both + wait).format(*names) for names in ((first, second), (second, first)))

    assert failed([program(one), program(other)]) == []


def test_when_the_run_is_stopped_none_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = tmp_path / "pid"
    begins = f"import os, pathlib, time\npathlib.Path({str(number)!r}).write_text(str(os.getpid()))\n"
    stays = program(begins + "time.sleep(60)")

    def stopped(*_: object) -> None:
        while not (number.exists() and number.read_text()):
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("tools.check.jobs.as_completed", stopped)
    with pytest.raises(KeyboardInterrupt):
        failed([stays])

    assert not Path("/proc", number.read_text()).exists()


def test_gates_and_the_tests_have_names_of_their_own(tmp_path: Path) -> None:
    names = [job.name for job in (*gates(), suite(tmp_path))]
    assert len(names) == len(set(names))
