"""The demo says in one line what keeps it from starting, and who is to change what."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.demo import __main__ as demo
from tools.demo.errors import DemoError
from tools.demo.settings import check_settings
from tools.demo.stack import Stack
from tools.local import ROOT, ServiceError


def test_a_port_in_use_is_named_before_anything_starts() -> None:
    port = int(os.environ["WEB_PORT"])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ServiceError) as error:
        demo._check_ports([])
    assert str(error.value).startswith(f"WEB_PORT {port} is in use by python")


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWER_PORT")
    with pytest.raises(DemoError, match="^FLOWER_PORT not set; add to .env"):
        check_settings()


def test_a_failed_command_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"manage.py no_such_command failed \(log: .+\)\n.*Unknown command"):
        Stack(tmp_path).manage("no_such_command")


def test_a_process_that_ends_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "honcho.log").write_text("web started (pid=7)\nbeat started (pid=8)\nbeat stopped (rc=3)\n")
    (tmp_path / "beat.log").write_text("the schedule is broken\n")
    stack = Stack(tmp_path)
    stack._honcho = subprocess.Popen([sys.executable, "-c", ""])
    with pytest.raises(DemoError, match=r"beat ended with code 3 .+\n  the schedule is broken"):
        stack.require_alive()
    stack._honcho.wait()


def test_help_says_what_it_does_and_how_long_it_takes() -> None:
    shown = subprocess.run([ROOT / "scripts/demo", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--once" in shown
    assert "minutes" in shown
