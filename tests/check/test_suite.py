"""The run of the tests that `scripts/test` makes: what is left out, and what becomes of a test that fails."""

from pathlib import Path

import pytest

from tests.check.small_projects import make_project
from tools.check.jobs import failed
from tools.check.suite import MOST_FLAKY, second_try, suite

FLAKY = """
from pathlib import Path

def test_flaky_{number}():
    done = Path("done-{number}")
    first, _ = not done.exists(), done.touch()
    assert not first, "too slow, {number}"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with a pytest of its own, in which this test stands."""
    return make_project(tmp_path, monkeypatch)


def write(project: Path, *texts: str) -> None:
    """A test file for each text."""
    for number, text in enumerate(texts, start=1):
        (project / f"test_file_{number}.py").write_text(text)


def flaky(count: int) -> list[str]:
    """Test files with a test each that fails once."""
    return [FLAKY.format(number=number) for number in range(1, count + 1)]


@pytest.mark.quick
def test_what_passes_on_a_second_try_is_listed_with_its_first_failure(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, *flaky(1), "def test_passes(): pass")
    assert failed([suite(project)])

    assert second_try(project) == []

    shown = capfd.readouterr().out
    assert "flaky: test_file_1.py::test_flaky_1\n       AssertionError: too slow, 1\n" in shown
    assert shown.endswith("too slow, 1\n")
    assert "test_passes" not in shown


def test_more_flaky_tests_than_a_few_fail_the_run(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(project, *flaky(MOST_FLAKY + 1))
    assert failed([suite(project)])

    assert second_try(project) == [f"{MOST_FLAKY + 1} flaky tests; at most {MOST_FLAKY} are allowed"]
    assert capfd.readouterr().out.count("flaky: ") == MOST_FLAKY + 1


@pytest.mark.quick
def test_what_fails_twice_fails_the_run_and_is_not_flaky(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(project, *flaky(1), "def test_wrong(): assert 1 == 2")
    assert failed([suite(project)])

    assert second_try(project) == ["pytest"]

    shown = capfd.readouterr().out
    assert "flaky: test_file_1.py::test_flaky_1" in shown
    assert "flaky: test_file_2.py" not in shown


def test_a_file_that_cannot_be_imported_fails_the_run_and_keeps_no_other_from_running(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, FLAKY.format(number=1), "import nowhere\ndef test_never_seen(): pass")
    assert failed([suite(project)])
    assert "1 failed, 1 error" in capfd.readouterr().out

    assert second_try(project) == ["pytest"]
    assert "flaky: test_file_1.py::test_flaky_1" in capfd.readouterr().out


def test_a_file_that_can_be_imported_on_a_second_try_runs_whole_and_is_flaky(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    late = "from pathlib import Path\nassert Path('there').exists(), 'too early'\ndef test_late(): pass"
    write(project, "def test_passes(): pass", late)
    assert failed([suite(project)])
    Path("there").touch()

    assert second_try(project) == []
    shown = capfd.readouterr().out
    assert "flaky: test_file_2.py\n       import: AssertionError: too early" in shown
    assert "1 passed" in shown.partition("once more")[2]


def test_a_run_that_did_not_come_to_its_end_gets_no_second_try(project: Path) -> None:
    """A second try of what failed would hide that the others did not run."""
    write(project, *flaky(1), "import pytest\ndef test_ends_all(): pytest.exit('stopped', 3)")
    assert failed([suite(project)])

    assert second_try(project) == ["pytest, which did not run every test"]


def test_what_fails_before_the_test_itself_says_so(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fixture = FLAKY.format(number=1).replace("\ndef test_flaky_1", "\nimport pytest\n@pytest.fixture\ndef service")
    write(project, fixture + "\ndef test_asks(service): pass")
    assert failed([suite(project)])

    assert second_try(project) == []
    assert "flaky: test_file_1.py::test_asks\n       setup: AssertionError: too slow, 1\n" in capfd.readouterr().out


@pytest.mark.parametrize(("everything", "wrong"), [(False, 0), (True, 1)])
def test_long_tests_run_when_everything_is_asked_for(project: Path, everything: bool, wrong: int) -> None:
    long = "import pytest\n@pytest.mark.long\ndef test_long(): raise ValueError"
    write(project, "def test_passes(): pass", long)

    assert len(failed([suite(project, everything)])) == wrong
