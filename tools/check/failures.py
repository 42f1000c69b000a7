"""A pytest plugin (`-p tools.check.failures --failures FILE`): which tests failed, and why, as JSON by node id.

A test file that cannot be imported stands there as well. The file is written only when everything has run: a run that
was interrupted has none, because a second try of what failed would say nothing about what never ran.
"""

import json
from pathlib import Path

import pytest

_failures: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--failures", type=Path, help="where to write the failed tests, with their first failures")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failures.setdefault(report.nodeid, _reason(report))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _failures.setdefault(report.nodeid, f"import: {_error(report)}")


def _reason(report: pytest.TestReport) -> str:
    """The first line of the error."""
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message if crash else report.longrepr).strip()
    first = message.partition("\n")[0]
    return first if report.when == "call" else f"{report.when}: {first}"


def _error(report: pytest.CollectReport) -> str:
    """The first line that pytest marks as the error, after the places that led to it."""
    lines = str(report.longrepr).splitlines()
    return next((line.removeprefix("E").strip() for line in lines if line.startswith("E ")), lines[-1])


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    file: Path | None = session.config.getoption("--failures")
    if file and exitstatus == pytest.ExitCode.TESTS_FAILED and not hasattr(session.config, "workerinput"):
        file.write_text(json.dumps(_failures))


def read(file: Path) -> dict[str, str]:
    """The failed tests of a run, or none if it did not come to its end."""
    return dict(json.loads(file.read_text())) if file.exists() else {}
