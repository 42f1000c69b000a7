"""`python -m tools.check`: runs every gate and all tests, also after something failed: one run tells all that is wrong.

Whole calls keep real time, and real services have real deadlines, which a machine that does something else besides may
miss: of all tests, those that fail run a second time, when nothing else runs, and what fails then counts.

With arguments, which are pytest's, the tests that they select run once, after the gates.
"""

import os
import signal
import subprocess
import sys

from tools.check.gates import gates
from tools.check.jobs import failed
from tools.check.lanes import again, lanes
from tools.local import ROOT


def main() -> int:
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop from outside unwinds as Ctrl-C does
    wrong = _selected(sys.argv[1:]) if sys.argv[1:] else _all()
    if wrong:
        print(f"✗ failed: {', '.join(wrong)}", flush=True)
    return 1 if wrong else 0


def _all() -> list[str]:
    """What did not pass."""
    tests = lanes()
    print(f"the gates, and the tests in {len(tests)} lanes, at once; each is told of when it ends", flush=True)
    wrong = []
    for job in failed([*gates(), *tests]):
        if job in tests:
            print(f"! {job.name}: what failed runs once more, by itself", flush=True)
            if subprocess.run(again(job)).returncode == 0:
                continue
        wrong.append(job.name)
    return wrong


def _selected(arguments: list[str]) -> list[str]:
    """What did not pass, of the gates and of the tests that these arguments of pytest's select."""
    wrong = [gate.name for gate in failed(gates())]
    tests = subprocess.run([sys.executable, "-m", "pytest", *arguments])
    return [*wrong, "pytest"] if tests.returncode else wrong


if __name__ == "__main__":
    raise SystemExit(main())
