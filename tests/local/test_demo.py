"""The demo says in one line what keeps it from starting, and who is to change what."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.local import ROOT
from tools.run.demo import __main__ as demo
from tools.run.demo.settings import check_settings
from tools.run.demo.stack import Stack


def test_a_port_in_use_is_named_before_anything_starts() -> None:
    port = int(os.environ["WEB_PORT"])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ToolError) as error:
        demo._check_ports([])
    assert str(error.value).startswith(f"WEB_PORT {port} is in use by python")


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWER_PORT")
    with pytest.raises(ToolError, match="^FLOWER_PORT not set; add to .env"):
        check_settings()


def test_a_failed_command_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"manage.py no_such_command failed \(log: .+\)\n.*Unknown command"):
        Stack(tmp_path).manage("no_such_command")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose honcho runs."""
    stack = Stack(tmp_path)
    stack._honcho = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield stack
    stack._honcho.kill()
    stack._honcho.wait()


ENDS_ONCE = "web started (pid=7)\nbeat started (pid=8)\nbeat ended with code 3; restarting in 1 s\n"


def _told(stack: Stack, honcho: str) -> None:
    (stack.log_dir / "honcho.log").write_text(honcho)
    (stack.log_dir / "beat.log").write_text("the schedule is broken\n")


def test_a_process_that_keeps_ending_is_named_with_the_end_of_its_log(stack: Stack) -> None:
    _told(stack, ENDS_ONCE + "beat stopped (rc=3)\n")
    with pytest.raises(ToolError, match=r"beat keeps exiting, most recently with code 3 .+\n  the schedule is broken"):
        stack.require_alive()


def test_a_process_that_ends_before_the_first_call_is_an_error_and_later_it_is_not(stack: Stack) -> None:
    _told(stack, ENDS_ONCE)
    stack.require_alive()
    with pytest.raises(ToolError, match=r"beat ended with code 3 .+\n  the schedule is broken"):
        stack.wait_until_ready()


def test_a_process_that_ended_is_reported_while_the_demo_stays_up(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _told(stack, ENDS_ONCE)
    monkeypatch.setattr("tools.run.demo.stack.time.sleep", lambda _s: _told(stack, ENDS_ONCE + "beat stopped (rc=3)\n"))
    with pytest.raises(ToolError, match="beat keeps exiting"):
        stack.wait()
    assert capsys.readouterr().out.count("beat ended with code 3; restarting in 1 s") == 1


def test_help_says_what_it_does_and_how_long_it_takes() -> None:
    shown = subprocess.run([ROOT / "scripts/demo", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--once" in shown
    assert "minutes" in shown
