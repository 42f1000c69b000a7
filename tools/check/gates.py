"""The gates besides the tests: linters, types, import rules and Django's own checks."""

import sys
from pathlib import Path

from tools.check.jobs import Job
from tools.local import ROOT
from tools.setup.environment import from_template

PYTHON = sys.executable
PRODUCTION = {
    "DJANGO_DEBUG": "false",
    "ADMIN_REQUIRES_OTP": "true",
    "PUBLIC_BASE_URL": "https://calls.example.com",
    "LIVEKIT_PUBLIC_URL": "wss://calls.example.com",
    "TRUSTED_PROXIES": "10.0.3.0/24",
    "ALLOWED_HOSTS": "calls.example.com",
}


def gates() -> list[Job]:
    """All of them, one job each."""
    return [*quick_gates(), types()]


def types() -> Job:
    """mypy, which takes minutes the first time: by its priority, only of what beside it leaves it."""
    return Job("mypy --strict", ["nice", "-n", "19", PYTHON, "-m", "mypy"], from_template(ROOT / "env.template"))


def quick_gates() -> list[Job]:
    """Those that take seconds. Django's commands see the defaults of env.template, never this machine's `.env`."""
    programs = Path(PYTHON).parent
    defaults = from_template(ROOT / "env.template")
    manage = [PYTHON, "manage.py"]
    imports = "from importlinter.cli import lint_imports_command as run; run()"
    return [
        Job("ruff check", [str(programs / "ruff"), "check"]),
        Job("ruff format", [str(programs / "ruff"), "format", "--check"]),
        Job("import-linter", [PYTHON, "-c", imports]),
        Job("makemigrations --check", [*manage, "makemigrations", "--check", "--dry-run"], defaults),
        Job("check --deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"], defaults | PRODUCTION),
    ]
