"""`python -m tools.check`: runs every gate and the tests, even after a failure: one run reports all that is wrong.

Without arguments the tests are all but the long ones, with `--all` all, and with `--all --within 80` what 80 minutes
and the machine's speed allow, which on a usual machine is all. Any other arguments are pytest's: the tests that they
select run once, after the gates.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.check.gates import gates, quick_gates, types
from tools.check.jobs import Job, failed
from tools.check.machine import SLOW, times_slower
from tools.check.stopping import interrupt_on_sigterm
from tools.check.suite import FOREVER, not_begun, second_try, suite
from tools.local import ROOT


def main() -> int:
    os.chdir(ROOT)
    interrupt_on_sigterm()
    match sys.argv[1:]:
        case []:
            wrong = _whole(everything=False)
        case ["--all"]:
            wrong = _whole(everything=True)
        case ["--all", "--within", minutes]:
            wrong = _within(float(minutes) * 60)
        case arguments:
            wrong = _gates(gates()) + _selected(arguments)
    if wrong:
        print(f"✗ failed: {', '.join(wrong)}", flush=True)
    return 1 if wrong else 0


def _within(seconds: float) -> list[str]:
    """What did not pass, of what can be judged on this machine in that time. The last fifth is for the second try."""
    now = time.time()
    slower = times_slower()
    if slower > SLOW:
        print(f"! this machine is {slower:.1f} times slower than usual, too slow for calls: no long tests", flush=True)
    return _whole(everything=slower <= SLOW, until=now + 0.8 * seconds, end=now + seconds)


def _whole(everything: bool, until: float = FOREVER, end: float = FOREVER) -> list[str]:
    """What did not pass, of the gates and all tests, or all but the long ones.

    No test begins after `until`, and no second try after `end`. Calls come when mypy has long ended.
    """
    wrong = _gates(quick_gates())
    print(
        "mypy, and all tests" if everything else "mypy, and all tests but the long ones, which --all adds", flush=True
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        tests = suite(folder, everything, until)
        did_not_pass = failed([types(), tests])
        wrong += _names([job for job in did_not_pass if job is not tests]) + not_begun(folder)
        return wrong + (second_try(folder, end) if tests in did_not_pass else [])


def _gates(jobs: list[Job]) -> list[str]:
    """Those that did not pass."""
    print("the gates first: beside them, calls in the tests would not keep real time", flush=True)
    return _names(failed(jobs))


def _selected(arguments: list[str]) -> list[str]:
    """What did not pass, of the tests that these arguments of pytest's select."""
    return ["pytest"] if subprocess.run([sys.executable, "-m", "pytest", *arguments]).returncode else []


def _names(jobs: list[Job]) -> list[str]:
    return [job.name for job in jobs]


if __name__ == "__main__":
    raise SystemExit(main())
