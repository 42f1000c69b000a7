"""What cannot be is refused before anything starts, and nothing but this machine is loaded unless it is named."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.loadtest.fakes import options
from tools.errors import ToolError
from tools.loadtest import target
from tools.loadtest.command import main
from tools.loadtest.options import parse
from tools.local.ports import free_ports


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"calls": 0}, "--calls"),
        ({"calls": 1001}, "--calls"),
        ({"duration_s": 0.0}, "--duration"),
        ({"ramp_up_s": 61.0}, "--ramp-up"),
        ({"url": "localhost:8080"}, "--url"),
        ({"url": "http://localhost:8080", "media": "off"}, "--url cannot be combined with"),
    ],
)
def test_an_option_that_cannot_be_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ToolError, match=f"^{named}"):
        options(**values)


def test_the_command_line_is_that_of_the_description() -> None:
    line = "--calls 100 --duration 5 --ramp-up 30 --output x.json --url http://localhost:8080/ --scenario interruption"
    found = parse(line.split())
    assert (found.calls, found.duration_s, found.ramp_up_s) == (100, 300.0, 30.0)
    assert (found.output, found.url, found.scenario) == (Path("x.json"), "http://localhost:8080", "interruption")
    assert not found.is_private


def test_a_directory_as_output_gets_a_results_file(tmp_path: Path) -> None:
    assert parse(["--output", str(tmp_path)]).output == tmp_path / "results.json"


def test_without_media_a_private_copy_with_enough_slots_is_loaded() -> None:
    found = options(calls=25, media="off")
    assert (found.is_private, found.worker_count) == (True, 3)


def test_a_scenario_that_does_not_exist_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenario", "no-such"]) == 2
    assert "load_test: --scenario no-such: " in capsys.readouterr().err


def test_nothing_elsewhere_is_loaded_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "wss://media.example.com")
    with pytest.raises(ToolError, match="name the installation with --url"):
        target.running(options())


def test_a_call_center_elsewhere_needs_its_own_livekit() -> None:
    with pytest.raises(ToolError, match="set that installation's LIVEKIT_URL"):
        target.running(options(url="https://calls.example.com"))


def test_a_call_center_that_does_not_run_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_PORT", str(free_ports(1)[0]))
    with pytest.raises(ToolError, match=r"start it with scripts/scale.sh up, or use --private"):
        target.running(options())


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:8080", True),
        ("ws://127.0.0.1:7890", True),
        ("http://[::1]:8080", True),
        ("https://calls.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_addresses_of_this_machine_are_known(url: str, here: bool) -> None:
    assert target.is_loopback(url) is here


@contextmanager
def _running(monkeypatch: pytest.MonkeyPatch, health: dict[str, str]) -> Iterator[None]:
    """A call center on this machine whose simulator says this of itself, as web process and simulator in one."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(health).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for port in ("WEB_PORT", "SIMULATOR_PORT"):
        monkeypatch.setenv(port, str(server.server_port))
    for provider in ("DEEPGRAM", "ELEVENLABS", "OPENAI"):
        monkeypatch.setenv(f"{provider}_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_default_speech_models_are_named_with_the_cure_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with _running(monkeypatch, {"speech": "local"}), pytest.raises(ToolError) as refused:
        target.running(options())
    assert "runs with SIMULATOR_SPEECH=local" in str(refused.value)
    assert "SIMULATOR_SPEECH=scripted scripts/scale.sh up N; or use --private" in str(refused.value)


def test_the_speech_is_that_of_the_simulator_and_not_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATOR_SPEECH", "local")  # scripts/scale.sh was started with another
    with _running(monkeypatch, {"speech": "scripted"}):
        assert target.running(options()).speech == "scripted"


def test_a_simulator_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with _running(monkeypatch, {}), pytest.raises(ToolError, match="the simulator at .* does not answer"):
        target.running(options())
