"""What the steps share: reporting progress, and running commands."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.errors import ToolError

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / ".local/setup"
LINES_SHOWN = 15  # of the log of a command that failed


def say(what: str) -> None:
    print(f"==> {what}", flush=True)


def run(command: Sequence[str], log: str, cure: str, environment: Mapping[str, str] | None = None) -> None:
    """Runs a command with its output in a log of that name, since several run side by side.

    Raises ToolError with the end of the log and the cure when the command fails or does not exist.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    with path.open("w") as output:
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | dict(environment or {}), stdout=output, stderr=subprocess.STDOUT
            )
        except FileNotFoundError as error:
            raise ToolError(f"{error}: {cure}") from None
    if done.returncode:
        end = "\n".join(path.read_text(errors="replace").splitlines()[-LINES_SHOWN:])
        raise ToolError(f"{cure}. The end of {path.relative_to(ROOT)}:\n{end}")


def output_of(command: Sequence[str]) -> str:
    """What a command prints; an empty string when it failed or does not exist."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
