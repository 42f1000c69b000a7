"""Where set-up fails and a container engine answers, the demo runs in containers. The programs here only write down."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.local import ROOT

PROGRAMS = {
    "scripts/setup": "exit 1",
    "scripts/scale.sh": 'echo "$*" >>"$ASKED"; case "$*" in "test --compose") exit "${CALL_FAILS:-0}" ;; esac',
    "bin/docker": 'exit "${NO_ENGINE:-0}"',
}


class Checkout:
    """A checkout in which set-up fails; `demo` returns the exit code and what was asked of scripts/scale.sh."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name, text in PROGRAMS.items():
            program = folder / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f"#!/bin/sh\n{text}\n")
            program.chmod(0o755)
        shutil.copy(ROOT / "scripts/demo", folder / "scripts/demo")
        (folder / "tools").symlink_to(ROOT / "tools")  # what was typed is checked first

    def demo(self, **environment: str) -> tuple[int, list[str]]:
        asked = self._folder / "asked"
        path = f"{self._folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [self._folder / "scripts/demo", "--once"],
            env={**os.environ, "PATH": path, "ASKED": str(asked), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        return done.returncode, asked.read_text().splitlines() if asked.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


UP_TEST_DOWN = ["up 1 --compose", "test --compose", "down --now --compose"]


def test_one_call_is_placed_and_everything_stops(checkout: Checkout) -> None:
    assert checkout.demo() == (0, UP_TEST_DOWN)


def test_a_call_that_was_not_right_is_not_a_success(checkout: Checkout) -> None:
    assert checkout.demo(CALL_FAILS="1") == (1, UP_TEST_DOWN)


def test_without_an_engine_set_ups_failure_is_the_demos(checkout: Checkout) -> None:
    assert checkout.demo(NO_ENGINE="1") == (1, [])
