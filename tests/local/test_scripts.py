"""The scripts check what was typed before they set anything up: a set-up takes minutes."""

import subprocess
from pathlib import Path

import pytest

from tools.local import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that was never set up, and whose set-up only says that it runs."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    for name in ("scale.sh", "demo"):
        script = tmp_path / "scripts" / name
        script.write_text((ROOT / "scripts" / name).read_text())
        script.chmod(0o755)
    setup = tmp_path / "scripts/setup"
    setup.write_text("#!/bin/sh\necho setting up\nexit 1\n")
    setup.chmod(0o755)
    return tmp_path


def _run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checkout / command[0], *command[1:]], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("scripts/scale.sh", "up", "abc"), "'abc' is not a number from 0 to 9999"),
        (("scripts/scale.sh", "upp"), "invalid choice: 'upp'"),
        (("scripts/scale.sh", "up", "--compos"), "unrecognized arguments: --compos"),
        (("scripts/scale.sh",), "the following arguments are required: action"),
        (("scripts/demo", "--onec"), "unrecognized arguments: --onec"),
    ],
)
def test_a_wrong_command_line_is_refused_before_the_set_up(checkout: Path, command: tuple[str, ...], said: str) -> None:
    done = _run(checkout, *command)
    assert said in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("command", [("scripts/scale.sh", "--help"), ("scripts/demo", "--help")])
def test_help_needs_no_set_up(checkout: Path, command: tuple[str, ...]) -> None:
    done = _run(checkout, *command)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: scripts/")


@pytest.mark.parametrize("command", [("scripts/scale.sh", "up", "1"), ("scripts/scale.sh", "up", "--compose")])
def test_a_right_command_line_continues_to_the_set_up(checkout: Path, command: tuple[str, ...]) -> None:
    assert _run(checkout, *command).stdout == "setting up\n"


def test_the_set_up_names_an_option_that_it_does_not_know(checkout: Path) -> None:
    (checkout / "scripts/setup").write_text((ROOT / "scripts/setup").read_text())
    done = _run(checkout, "scripts/setup", "--python-onyl")
    assert (done.returncode, done.stdout) == (1, "")
    known = "scripts/setup, scripts/setup --tests, or scripts/setup --python-only"
    assert done.stderr == f"setup: --python-onyl is unknown: {known}\n"


def test_tests_are_set_up_with_their_browser_and_the_demo_without() -> None:
    assert "scripts/setup --tests\n" in (ROOT / "scripts/test").read_text()
    assert "--tests" not in (ROOT / "scripts/demo").read_text()
