"""The peers' own virtual environments under .local/bench/venvs, made from pinned and hashed requirements."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from tools.errors import ToolError
from tools.local import ROOT

VENVS = ROOT / ".local/bench/venvs"
PYTHON = "3.12"  # what the requirements are compiled for


def interpreter(peer: str) -> Path:
    """The Python of the peer's environment, which is made first if it is missing or its requirements have changed.

    `peer` names requirements/bench-<peer>.txt. Raises ToolError when uv cannot make it.
    """
    requirements = ROOT / f"requirements/bench-{peer}.txt"
    place = VENVS / peer
    python, stamp = place / "bin/python", place / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"==> environment of {peer} from {requirements.relative_to(ROOT)}", flush=True)
    base = ROOT / ".venv/bin/python"
    _uv("venv", "--quiet", "--clear", "--python", str(base) if base.exists() else PYTHON, str(place))
    # Compiled now: the first process of a peer must not do it while it is measured.
    options = ("--quiet", "--compile-bytecode", "--require-hashes")
    _uv("pip", "install", *options, "--python", str(python), "-r", str(requirements))
    stamp.write_text(wanted)
    return python


def _uv(*arguments: str) -> None:
    private = ROOT / ".local/uv/bin/uv"
    uv = str(private) if private.exists() else shutil.which("uv")
    if uv is None:
        raise ToolError("uv is not installed: run scripts/setup, which gets it")
    done = subprocess.run([uv, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no output"]
        raise ToolError(f"uv {' '.join(arguments[:2])} failed: {lines[-1]}")
