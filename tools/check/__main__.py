"""`python -m tools.check`: runs every gate and the tests, even after a failure: one run reports all that is wrong.

Without arguments the tests are all but the long ones, with `--all` all. Any other arguments are pytest's: the tests
that they select run once, after the gates.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.check.gates import gates
from tools.check.jobs import failed
from tools.check.stopping import interrupt_on_sigterm
from tools.check.suite import second_try, suite
from tools.local import ROOT


def main() -> int:
    os.chdir(ROOT)
    interrupt_on_sigterm()
    match sys.argv[1:]:
        case []:
            wrong = _whole(everything=False)
        case ["--all"]:
            wrong = _whole(everything=True)
        case arguments:
            wrong = _selected(arguments)
    if wrong:
        print(f"✗ failed: {', '.join(wrong)}", flush=True)
    return 1 if wrong else 0


def _whole(everything: bool) -> list[str]:
    """What did not pass."""
    tests = "all tests" if everything else "all tests but the long ones, which --all adds"
    print(f"the gates, and then {tests}: calls keep real time, and leave the gates no core", flush=True)
    wrong = [gate.name for gate in failed(gates())]
    with TemporaryDirectory() as folder:
        passed = not failed([suite(Path(folder), everything)])
        return wrong if passed else [*wrong, *second_try(Path(folder))]


def _selected(arguments: list[str]) -> list[str]:
    """What did not pass, of the gates and of the tests that these arguments of pytest's select."""
    wrong = [gate.name for gate in failed(gates())]
    tests = subprocess.run([sys.executable, "-m", "pytest", *arguments])
    return [*wrong, "pytest"] if tests.returncode else wrong


if __name__ == "__main__":
    raise SystemExit(main())
