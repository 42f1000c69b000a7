"""Set-up does what is missing, leaves alone what is there, and says what it cannot do."""

import stat
import threading
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.local import ROOT
from tools.setup import environment, livekit_server, packages, python_packages, steps
from tools.setup.__main__ import run_side_by_side


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "env.template").write_text((ROOT / "env.template").read_text())
    return tmp_path


def no_commands(*command: object) -> None:
    raise AssertionError(f"a command was run: {command}")


def refused(command: list[str], log: str, cure: str, *_: object) -> None:
    raise ToolError(cure)


def test_env_is_made_with_fresh_secrets_for_its_owner_only(root: Path) -> None:
    environment.write(root)
    values = environment.read(root / ".env")
    assert list(values) == list(environment.read(root / "env.template"))
    assert all(values[name] for name in environment.GENERATED)
    assert len(values["DJANGO_SECRET_KEY"]) >= 50
    assert len(values["LIVEKIT_API_SECRET"]) >= 32
    assert values["WEB_PORT"] == "8080"
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_two_checkouts_get_different_secrets() -> None:
    template = (ROOT / "env.template").read_text()
    assert environment.render(template) != environment.render(template)


def test_an_existing_env_is_not_touched_and_its_gaps_are_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    complete = (root / "env.template").read_text()
    own = complete.replace("FLOWER_PORT=5555\n", "").replace("WEB_PORT=8080", "WEB_PORT=9090")
    (root / ".env").write_text(own)
    environment.write(root)
    assert (root / ".env").read_text() == own
    assert "FLOWER_PORT" in capsys.readouterr().out


def test_nothing_is_installed_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PACKAGES", [("redis-server", lambda: True, None)])
    monkeypatch.setattr(packages, "run", no_commands)
    packages.install()


def test_a_missing_package_that_cannot_be_installed_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PACKAGES", [("redis-server", lambda: False, "redis-server")])
    monkeypatch.setattr(packages, "run", refused)
    monkeypatch.setattr("shutil.which", lambda name, **_: f"/usr/bin/{name}")
    with pytest.raises(ToolError, match="sudo apt-get install -y --no-install-recommends redis-server"):
        packages.install()


def test_the_browser_is_installed_only_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(command: list[str], *_: str) -> None:
        asked.append(command[-1])

    monkeypatch.setattr(packages, "PACKAGES", [])
    monkeypatch.setattr(packages, "find_chromium", lambda: None)
    monkeypatch.setattr(packages, "run", run)
    monkeypatch.setattr("shutil.which", lambda name, **_: f"/usr/bin/{name}")

    packages.install()
    assert asked == []
    packages.install(for_tests=True)

    assert len(asked) == 1
    assert "install -y -qq --no-install-recommends chromium" in asked[0]


def test_a_browser_that_is_here_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PACKAGES", [])
    monkeypatch.setattr("shutil.which", lambda name, **_: "/usr/bin/google-chrome" if name == "google-chrome" else None)
    monkeypatch.setattr(packages, "run", no_commands)

    packages.install(for_tests=True)


def test_the_livekit_server_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, stamp = tmp_path / "livekit-server", tmp_path / "livekit-server.version"
    server.touch()
    stamp.write_text(livekit_server.VERSION)
    monkeypatch.setattr(livekit_server, "SERVER", server)
    monkeypatch.setattr(livekit_server, "STAMP", stamp)
    monkeypatch.setattr(livekit_server, "run", no_commands)
    livekit_server.build()


def test_another_version_of_the_livekit_server_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = tmp_path / "livekit-server.version"
    stamp.write_text("1.0.0")
    monkeypatch.setattr(livekit_server, "BIN", tmp_path)
    monkeypatch.setattr(livekit_server, "STAMP", stamp)
    monkeypatch.setattr(livekit_server, "_find_go", lambda: "go")
    monkeypatch.setattr(livekit_server, "run", refused)
    with pytest.raises(ToolError, match="was not built"):
        livekit_server.build()


def test_python_packages_are_installed_again_only_for_other_requirements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements, syncs = tmp_path / "dev.txt", []
    requirements.write_text("django==5.2")
    monkeypatch.setattr(python_packages, "REQUIREMENTS", requirements)
    monkeypatch.setattr(python_packages, "STAMP", tmp_path / "requirements.sha256")
    monkeypatch.setattr(python_packages, "run", lambda *_: syncs.append(requirements.read_text()))

    python_packages.install()
    python_packages.install()
    requirements.write_text("django==5.3")
    python_packages.install()

    assert syncs == ["django==5.2", "django==5.3"]


def test_packages_that_could_not_be_installed_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_packages, "STAMP", tmp_path / "requirements.sha256")
    monkeypatch.setattr(python_packages, "run", refused)
    for _ in range(2):
        with pytest.raises(ToolError, match="to try again: scripts/setup"):
            python_packages.install()


def test_steps_run_side_by_side_and_all_failures_are_told() -> None:
    all_run = threading.Barrier(3, timeout=10)

    def works() -> None:
        all_run.wait()

    def fails() -> None:
        works()
        raise ToolError("apt is away")

    failures = run_side_by_side({"packages": fails, "python": works, "server": fails})
    assert [str(failure) for failure in failures] == ["apt is away"] * 2


def test_a_command_that_fails_shows_the_end_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "LOGS", tmp_path / ".local/setup")
    command = ["sh", "-c", "seq 100; echo no space left >&2; exit 1"]
    with pytest.raises(ToolError) as raised:
        steps.run(command, "system-packages", "free some space")
    cure, *end = str(raised.value).splitlines()
    assert cure == "free some space. The end of .local/setup/system-packages.log:"
    assert end[-2:] == ["100", "no space left"]
    assert len(end) == steps.LINES_SHOWN


def test_a_program_that_is_missing_gives_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "LOGS", tmp_path)
    with pytest.raises(ToolError, match="no-such-program.*install it"):
        steps.run(["no-such-program"], "server", "install it")
