"""A pytest plugin (`-p tools.check.time_box --until TIME`): no test begins after that time, in seconds since 1970.

A run that is killed at the end of its time tells nothing. One that ends by itself tells what failed, and how many tests
it did not come to: they are skipped, with `TIME_UP` as the reason.
"""

import json
import time
from math import inf
from pathlib import Path

import pytest

TIME_UP = "the time for this run was up"

_not_begun: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--until", type=float, default=inf, help="no test begins after this time, in seconds since 1970")
    parser.addoption("--not-begun", type=Path, help="where to write which tests did not begin")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.time() > item.config.getoption("--until"):
        pytest.skip(TIME_UP)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and report.longrepr[2].endswith(TIME_UP):
        _not_begun.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    file: Path | None = session.config.getoption("--not-begun")
    if file and not hasattr(session.config, "workerinput"):
        file.write_text(json.dumps(_not_begun))


def read(file: Path) -> list[str]:
    """The tests of a run that did not begin."""
    return list(json.loads(file.read_text())) if file.exists() else []
