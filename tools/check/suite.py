"""The tests: a run in two processes, and a second try of those that failed.

Most tests wait: for speech, which takes the time that it takes, and for deadlines. Side by side they fill the cores. A
third process ends no sooner on two cores, and has whole calls miss their deadlines.

Whole calls keep real time, and real services have real deadlines, which a machine that does something else besides may
miss: what fails runs a second time, when nothing else runs. A test that passes then is flaky. It is listed with its
first failure, and more than a few fail the run.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from math import inf
from pathlib import Path

from tools.check import failures, time_box
from tools.check.jobs import Job
from tools.check.machine import SLOW, times_slower

FOREVER = inf
PROCESSES = 2
MOST_FLAKY = 5
"""Two would be right. On two cores, up to four whole calls of a full run still miss their time at the first try."""

# Each file runs in one process, which has services of its own. Files begin in the order of tests/conftest.py.
SIDE_BY_SIDE = ("-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder")


def suite(folder: Path, everything: bool = False, until: float = FOREVER) -> Job:
    """The run of all tests, or of all but the long ones, which leaves its failures in the folder.

    No test begins after `until`, in seconds since 1970.
    """
    selected = [] if everything else ["-m", "not long"]
    return Job("pytest", [*_pytest(folder, "first", until), *SIDE_BY_SIDE, "--durations=25", *selected], talks=True)


def not_begun(folder: Path) -> list[str]:
    """What is wrong with the tests that the time did not suffice for: nothing, if the machine is to blame."""
    tests = time_box.read(_not_begun(folder, "first"))
    if not tests:
        return []
    slower = times_slower()
    print(f"! {len(tests)} tests did not begin in time, on a machine {slower:.1f} times slower than usual:", flush=True)
    for file, number in Counter(test.partition("::")[0] for test in tests).items():
        print(f"    {number:4} of {file}", flush=True)
    return [] if slower > SLOW else [f"{len(tests)} tests, which did not begin in time"]


def second_try(folder: Path, until: float = FOREVER) -> list[str]:
    """Run what failed once more, by itself. Lists the flaky tests, and returns what is wrong."""
    first = failures.read(_failures(folder, "first"))
    if not first:
        return ["pytest, which did not run every test"]
    print(f"! {len(first)} tests failed: running them once more, by themselves", flush=True)
    code = subprocess.run([*_pytest(folder, "second", until), *first]).returncode
    second = failures.read(_failures(folder, "second"))
    if (code and not second) or time_box.read(_not_begun(folder, "second")):
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


def _pytest(folder: Path, which: str, until: float) -> list[str]:
    # A file that cannot be imported fails the run, and keeps no other test from running.
    return [
        *(sys.executable, "-m", "pytest", "--continue-on-collection-errors"),
        *("-p", "tools.check.failures", "--failures", str(_failures(folder, which))),
        *("-p", "tools.check.time_box", "--until", str(until), "--not-begun", str(_not_begun(folder, which))),
    ]


def _failures(folder: Path, which: str) -> Path:
    return folder / f"{which}.json"


def _not_begun(folder: Path, which: str) -> Path:
    return folder / f"{which}-not-begun.json"
