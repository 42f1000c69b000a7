"""`scripts/test --all --within 80`: what becomes of tests that the time or the machine does not suffice for."""

import time
from pathlib import Path

import pytest

from tests.check.small_projects import make_project
from tools.check import __main__ as check
from tools.check import suite as suites
from tools.check.jobs import failed
from tools.check.machine import SLOW
from tools.check.suite import not_begun, second_try, suite

PASSES = "def test_passes(): pass"
FAILS = "def test_fails(): raise ValueError"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with a pytest of its own, in which this test stands."""
    return make_project(tmp_path, monkeypatch)


def of_speed(monkeypatch: pytest.MonkeyPatch, slower: float) -> None:
    """Have this machine be so many times slower than usual."""
    monkeypatch.setattr(check, "times_slower", lambda: slower)
    monkeypatch.setattr(suites, "times_slower", lambda: slower)


@pytest.mark.parametrize(("slower", "wrong"), [(1, ["2 tests, which did not begin in time"]), (SLOW + 1, [])])
def test_tests_that_do_not_begin_in_time_are_listed_and_fail_the_run_on_a_usual_machine(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], slower: float, wrong: list[str]
) -> None:
    (project / "test_late.py").write_text(f"{FAILS}\n{PASSES}")
    of_speed(monkeypatch, slower)

    assert not failed([suite(project, until=time.time())])

    assert not_begun(project) == wrong
    assert "2 of test_late.py" in capfd.readouterr().out


def test_a_run_in_time_leaves_nothing_out(project: Path) -> None:
    (project / "test_early.py").write_text(PASSES)

    assert not failed([suite(project, until=time.time() + 600)])

    assert not_begun(project) == []


def test_a_second_try_that_has_no_time_left_fails_the_run(project: Path) -> None:
    (project / "test_wrong.py").write_text(FAILS)
    assert failed([suite(project)])

    assert second_try(project, until=time.time()) == ["pytest, whose second try did not run every test"]


@pytest.mark.parametrize(("slower", "everything"), [(1.0, True), (SLOW + 1.0, False)])
def test_a_machine_too_slow_for_calls_runs_no_long_tests_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], slower: float, everything: bool
) -> None:
    runs: list[bool] = []

    def whole(everything: bool, until: float, end: float) -> list[str]:
        runs.append(everything)
        return []

    of_speed(monkeypatch, slower)
    monkeypatch.setattr(check, "_whole", whole)

    assert check._within(4800) == []

    assert runs == [everything]
    assert ("no long tests" in capsys.readouterr().out) != everything
