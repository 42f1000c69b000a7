"""The Python packages of requirements/dev.txt in `.venv`, by uv."""

import hashlib
import os

from tools.setup.steps import ROOT, run, say

REQUIREMENTS = ROOT / "requirements/dev.txt"
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "requirements.sha256"


def install() -> None:
    """Raises ToolError when uv fails."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    say("Python packages from requirements/dev.txt (about 1.5 GB on disk)")
    sync = [uv(), "pip", "sync", "--python", str(python()), "--require-hashes", str(REQUIREMENTS)]
    run(sync, "python-packages", "the Python packages were not installed; to try again: scripts/setup")
    STAMP.write_text(wanted)


def uv() -> str:
    """The uv that scripts/setup found or installed."""
    return os.environ.get("UV", "uv")


def python() -> str:
    """The interpreter of `.venv`."""
    return str(ENVIRONMENT / "bin/python")
