"""Set-up does what is missing, leaves alone what is there, and says what it cannot do."""

import stat
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.local import ROOT
from tools.setup import environment, livekit_server, packages


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "env.template").write_text((ROOT / "env.template").read_text())
    return tmp_path


def no_commands(*command: object) -> bool:
    raise AssertionError(f"a command was run: {command}")


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
    monkeypatch.setattr(packages, "run", lambda command: False)
    monkeypatch.setattr("shutil.which", lambda name, **_: f"/usr/bin/{name}")
    with pytest.raises(ToolError, match="sudo apt-get install -y --no-install-recommends redis-server"):
        packages.install()


def test_the_browser_is_installed_only_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(command: list[str]) -> bool:
        asked.append(command[-1])
        return True

    monkeypatch.setattr(packages, "PACKAGES", [])
    monkeypatch.setattr(packages, "find_chromium", lambda: None)
    monkeypatch.setattr(packages, "run", run)
    monkeypatch.setattr("shutil.which", lambda name, **_: f"/usr/bin/{name}")

    packages.install()
    assert asked == []
    packages.install_for_tests()

    assert len(asked) == 1
    assert "install -y -qq --no-install-recommends chromium" in asked[0]


def test_a_browser_that_is_here_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, **_: "/usr/bin/google-chrome" if name == "google-chrome" else None)
    monkeypatch.setattr(packages, "run", no_commands)

    packages.install_for_tests()


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
    monkeypatch.setattr(livekit_server, "run", lambda *_: False)
    with pytest.raises(ToolError, match="was not built"):
        livekit_server.build()
