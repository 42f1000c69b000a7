"""`python -m tools.check`: runs every gate, also after one that failed, so that one run tells all that is wrong.

pytest comes last. Whole calls keep real time, and real services have real deadlines, which a machine that does
something else besides may miss: of all tests, those that fail run a second time, and what fails then counts.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.check import running
from tools.local import ROOT
from tools.setup.environment import fresh

PYTHON = sys.executable
PRODUCTION = {
    "DJANGO_DEBUG": "false",
    "ADMIN_REQUIRES_OTP": "true",
    "PUBLIC_BASE_URL": "https://calls.example.com",
    "ALLOWED_HOSTS": "calls.example.com",
}


@dataclass(frozen=True)
class Gate:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def gates() -> list[Gate]:
    """All but the tests. Django's commands see the defaults of env.template, never this machine's `.env`."""
    programs = Path(PYTHON).parent
    defaults = fresh(ROOT / "env.template")
    manage = [PYTHON, "manage.py"]
    return [
        Gate("ruff check", [str(programs / "ruff"), "check"]),
        Gate("ruff format", [str(programs / "ruff"), "format", "--check"]),
        Gate("mypy --strict", [PYTHON, "-m", "mypy"], defaults),
        Gate("import-linter", [PYTHON, "-c", "from importlinter.cli import lint_imports_command as run; run()"]),
        Gate("makemigrations --check", [*manage, "makemigrations", "--check", "--dry-run"], defaults),
        Gate("check --deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"], defaults | PRODUCTION),
    ]


def main() -> int:
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop from outside unwinds as Ctrl-C does
    failed = [gate.name for gate in gates() if not _passes(gate)]
    if not (running.selected_pass(sys.argv[1:]) if sys.argv[1:] else running.all_pass()):
        failed.append("pytest")
    if failed:
        print(f"✗ failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _passes(gate: Gate) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        gate.command, env=os.environ | dict(gate.environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    passed = done.returncode == 0
    print(f"{'✓' if passed else '✗'} {gate.name} ({time.monotonic() - began:.1f} s)", flush=True)
    if not passed:
        print(done.stdout.decode(errors="replace"), flush=True)
    return passed


if __name__ == "__main__":
    raise SystemExit(main())
