"""What the steps share: reporting progress, and running commands."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def say(what: str) -> None:
    print(f"==> {what}", flush=True)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> bool:
    """Runs a command with its output shown; False when it failed or does not exist."""
    try:
        return subprocess.run(command, cwd=ROOT, env=os.environ | dict(environment or {})).returncode == 0
    except FileNotFoundError:
        return False


def output_of(command: Sequence[str]) -> str:
    """What a command prints; an empty string when it failed or does not exist."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
