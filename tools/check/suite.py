"""The tests: a run in two processes, and a second try of those that failed.

Most tests wait: for speech, which takes the time that it takes, and for deadlines. Side by side they fill the cores. A
third process ends no sooner on two cores, and has whole calls miss their deadlines.

Whole calls keep real time, and real services have real deadlines, which a machine that does something else besides may
miss: what fails runs a second time, when nothing else runs. A test that passes then is flaky. It is listed with its
first failure, and more than a few fail the run.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.check.failures import read
from tools.check.jobs import Job

PROCESSES = 2
MOST_FLAKY = 5
"""Two would be right. On two cores, up to four whole calls of a full run still miss their time at the first try."""

# Each file runs in one process, which has services of its own. Files begin in the order of tests/conftest.py.
SIDE_BY_SIDE = ("-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder")


def suite(folder: Path, everything: bool = False) -> Job:
    """The run of all tests, or of all but the long ones. It leaves its failures in the folder."""
    selected = [] if everything else ["-m", "not long"]
    return Job("pytest", [*_pytest(_first(folder)), *SIDE_BY_SIDE, "--durations=25", *selected], talks=True)


def second_try(folder: Path) -> list[str]:
    """Run what failed once more, by itself. Lists the flaky tests, and returns what is wrong."""
    first = read(_first(folder))
    if not first:
        return ["pytest, which did not run every test"]
    print(f"! {len(first)} tests failed: running them once more, by themselves", flush=True)
    code = subprocess.run([*_pytest(_second(folder)), *first]).returncode
    second = read(_second(folder))
    if code and not second:
        return ["pytest, whose second try did not run every test"]
    return [
        *(["pytest"] if second else []),
        *_too_flaky({test: why for test, why in first.items() if test not in second}),
    ]


def _too_flaky(flaky: Mapping[str, str]) -> list[str]:
    """List them. Returns what is wrong with how many they are."""
    for test, why in flaky.items():
        print(f"flaky: {test}\n       {why}", flush=True)
    return [f"{len(flaky)} flaky tests; at most {MOST_FLAKY} are allowed"] if len(flaky) > MOST_FLAKY else []


def _pytest(failures: Path) -> list[str]:
    # A file that cannot be imported fails the run, and keeps no other test from running.
    options = ("--continue-on-collection-errors", "-p", "tools.check.failures", "--failures", str(failures))
    return [sys.executable, "-m", "pytest", *options]


def _first(folder: Path) -> Path:
    return folder / "first.json"


def _second(folder: Path) -> Path:
    return folder / "second.json"
