"""How settings read the environment, and how values change in containers."""

from pathlib import Path

import pytest

from callcenter.environment.values import Env


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1:8090", "http://simulator:8090"),
        ("http://localhost:8090/v1", "http://simulator:8090/v1"),
        ("http://127.0.0.1:80901", "http://127.0.0.1:80901"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "FALLBACK_OPENAI_BASE_URL"])
def test_the_simulator_of_this_machine_is_the_service_in_a_container(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, inside: str
) -> None:
    """Also for other processes in the container: docker compose exec worker python manage.py …"""
    monkeypatch.setenv("SIMULATOR_PORT", "8090")
    monkeypatch.setenv(name, url)
    monkeypatch.setenv("IN_CONTAINERS", "false")
    assert Env().provider_url(name) == url

    monkeypatch.setenv("IN_CONTAINERS", "true")
    assert Env().provider_url(name) == inside


@pytest.mark.parametrize(
    ("text", "values"),
    [("a.com, b.com", ["a.com", "b.com"]), (" a.com ,", ["a.com"]), (" ", []), ("", [])],
)
def test_blanks_around_the_values_of_a_list_are_none_of_them(
    monkeypatch: pytest.MonkeyPatch, text: str, values: list[str]
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", text)
    assert Env().list("ALLOWED_HOSTS", default=["localhost"]) == values


@pytest.mark.parametrize("value", ["$tr0ng", "$HOME", "$$x", "$"])
def test_a_value_that_begins_with_a_dollar_is_taken_literally(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", value)
    assert Env().str("TWILIO_AUTH_TOKEN", default="") == value
    assert Env().list("TWILIO_AUTH_TOKEN", default=[]) == [value]


def test_a_value_of_the_file_that_begins_with_a_dollar_is_taken_literally(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    monkeypatch.setattr(Env, "ENVIRON", {})
    (tmp_path / ".env").write_text("TWILIO_AUTH_TOKEN=$HOME\n")
    env = Env()
    env.read_env(tmp_path / ".env")
    assert env.str("TWILIO_AUTH_TOKEN") == "$HOME"
