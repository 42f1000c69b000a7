"""Whether the environment has what the programs that start everything need."""

import os
import sys
from pathlib import Path

import environ

from callcenter.environment.variables import problems
from tools.errors import ToolError
from tools.local import ROOT
from tools.setup.environment import read


def read_environment() -> None:
    """Takes `.env` into the environment, where what is set already wins, and finds our own programs first."""
    environ.Env.read_env(ROOT / ".env")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def check_settings() -> None:
    """Raises ToolError which names what is missing."""
    if not (ROOT / ".env").exists() and not os.environ.get("DJANGO_SECRET_KEY"):
        raise ToolError("there is no .env; run scripts/setup")
    if unusable := problems(os.environ):
        raise ToolError("\n".join(unusable))
    missing = [name for name in read(ROOT / "env.template") if name not in os.environ]
    if missing:
        raise ToolError(f"{', '.join(missing)} not set; add to .env as env.template explains")
    empty = [name for name in ("DJANGO_SECRET_KEY", "ADMIN_USERNAME", "ADMIN_PASSWORD") if not os.environ[name]]
    if empty:
        raise ToolError(f"{', '.join(empty)} empty; set in .env")
