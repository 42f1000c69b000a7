"""`python -m tools.check`: runs every gate and the tests, even after a failure: one run reports all that is wrong.

Without arguments the tests are all but the long ones, with `--all` all. Any other arguments are pytest's: the tests
that they select run once, after the gates.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.check.gates import gates, quick_gates, types
from tools.check.jobs import Job, failed
from tools.check.stopping import interrupt_on_sigterm
from tools.check.suite import second_try, suite
from tools.local import ROOT


def main() -> int:
    os.chdir(ROOT)
    interrupt_on_sigterm()
    print("the gates first: beside them, calls in the tests would not keep real time", flush=True)
    match sys.argv[1:]:
        case []:
            wrong = _names(failed(quick_gates())) + _whole(everything=False)
        case ["--all"]:
            wrong = _names(failed(quick_gates())) + _whole(everything=True)
        case arguments:
            wrong = _names(failed(gates())) + _selected(arguments)
    if wrong:
        print(f"✗ failed: {', '.join(wrong)}", flush=True)
    return 1 if wrong else 0


def _whole(everything: bool) -> list[str]:
    """What did not pass, of the types and all tests, or all but the long ones. Calls come when mypy has long ended."""
    print(
        "mypy, and all tests" if everything else "mypy, and all tests but the long ones, which --all adds", flush=True
    )
    with TemporaryDirectory() as folder:
        tests = suite(Path(folder), everything)
        wrong = failed([types(), tests])
        gates_wrong = _names([job for job in wrong if job is not tests])
        return gates_wrong + (second_try(Path(folder)) if tests in wrong else [])


def _selected(arguments: list[str]) -> list[str]:
    """What did not pass, of the tests that these arguments of pytest's select."""
    return ["pytest"] if subprocess.run([sys.executable, "-m", "pytest", *arguments]).returncode else []


def _names(jobs: list[Job]) -> list[str]:
    return [job.name for job in jobs]


if __name__ == "__main__":
    raise SystemExit(main())
