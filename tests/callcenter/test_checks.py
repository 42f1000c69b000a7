"""`manage.py check` names what is missing or contradictory, and the cure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks
from pytest_django import Settings

from agents.providers import registry
from agents.providers.offers import Provider
from callcenter.checks import REQUIRED

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DJANGO_SECRET_KEY": "q8Zr3vY1m0Xc7Kp5TnWb2LsHd9GfJa4Eu6RiOyQzVxBtCwNkMgPhSlDjFeA",
    "DJANGO_DEBUG": "false",
    "ALLOWED_HOSTS": "calls.example.com",
    "PUBLIC_BASE_URL": "https://calls.example.com",
    "TRUSTED_PROXIES": "10.0.3.0/24",
    "CELERY_BROKER_URL": "amqp://callcenter:x7Rq-of-this-site@mq.example.com:5672//",
    "LIVEKIT_URL": "wss://livekit.example.com",
    "LIVEKIT_API_KEY": "APIproduction",
    "LIVEKIT_API_SECRET": "another-long-secret-of-32-characters",
    "DEEPGRAM_API_KEY": "deepgram-key",
    "DEEPGRAM_BASE_URL": "",
    "ELEVENLABS_API_KEY": "elevenlabs-key",
    "ELEVENLABS_BASE_URL": "",
    "OPENAI_API_KEY": "openai-key",
    "OPENAI_BASE_URL": "",
}


def problems() -> list[tuple[str, str]]:
    """What this project's own checks find, as (message, hint)."""
    registered = [check for check in checks.registry.registry.get_checks() if check.__module__ == "callcenter.checks"]
    return [
        (str(found.msg), str(found.hint)) for check in registered for found in check(app_configs=None, databases=None)
    ]


NO_DATABASE = "postgres://callcenter@127.0.0.1:1/callcenter"


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as an operator does, with production's settings and a database that is not there."""
    values = {**os.environ, **PRODUCTION, "DATABASE_URL": NO_DATABASE, **environment}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True, check=False)


def test_the_settings_of_the_tests_have_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize(("address", "warns"), [("ws://127.0.0.1:7890", True), ("wss://livekit.example.com", False)])
def test_an_https_site_whose_browsers_cannot_reach_livekit_is_warned_of(
    address: str, warns: bool, settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL, settings.LIVEKIT_PUBLIC_URL = "https://calls.example.com", address

    assert any("LIVEKIT_PUBLIC_URL" in message for message, _ in problems()) is warns


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "DJANGO_SECRET_KEY"])
def test_a_setting_that_is_missing_is_named_with_its_cure(name: str, settings: Settings) -> None:
    setattr(settings, name, "")

    [(message, hint)] = problems()

    assert message == f"{name} is not set."
    assert f"Set {name} in .env" in hint


@pytest.mark.parametrize("provider", registry.all(), ids=lambda provider: provider.name)
def test_the_simulators_key_does_not_go_to_the_real_provider(provider: Provider, settings: Settings) -> None:
    setattr(settings, provider.key_variable, "simulator")
    setattr(settings, provider.url_variable, provider.base_url)

    [(message, hint)] = problems()

    key, url = f"{provider.name.upper()}_API_KEY", f"{provider.name.upper()}_BASE_URL"
    assert message == f"{key} is the simulator's, but {url} is the real provider."
    assert hint == f"Set {key} to your key, or {url} to the simulator."


@pytest.mark.parametrize(
    ("stage", "keys", "message", "cure"),
    [
        (
            "stt",
            ["ASSEMBLYAI_API_KEY", "DEEPGRAM_API_KEY"],
            "No provider of speech to text has a key.",
            "Set ASSEMBLYAI_API_KEY or DEEPGRAM_API_KEY in .env",
        ),
        (
            "llm",
            ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"],
            "No provider of language models has a key.",
            "Set ANTHROPIC_API_KEY or OPENAI_API_KEY in .env",
        ),
        (
            "tts",
            ["CARTESIA_API_KEY", "ELEVENLABS_API_KEY"],
            "No provider of text to speech has a key.",
            "Set CARTESIA_API_KEY or ELEVENLABS_API_KEY in .env",
        ),
    ],
)
def test_each_stage_needs_the_key_of_one_provider(
    stage: str, keys: list[str], message: str, cure: str, settings: Settings
) -> None:
    setattr(settings, keys[0], "")
    assert problems() == []

    setattr(settings, keys[1], "")
    [(found, hint)] = problems()

    assert found == message
    assert hint.startswith(cure)


def test_a_price_that_names_no_provider_is_not_left_unread_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE_STT_MINUTE", "0.4")
    assert problems() == [("PRICE_STT_MINUTE is no longer read.", "Rename it to DEEPGRAM_PRICE_MINUTE.")]


@pytest.mark.parametrize(
    ("sid", "token", "missing"), [("AC1", "", "TWILIO_AUTH_TOKEN"), ("", "t", "TWILIO_ACCOUNT_SID")]
)
def test_half_of_twilios_credentials_is_refused(sid: str, token: str, missing: str, settings: Settings) -> None:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = sid, token

    [(message, _)] = problems()

    assert missing in message


def test_everything_that_is_missing_is_named_at_once() -> None:
    result = manage("check", DJANGO_SECRET_KEY="", LIVEKIT_API_KEY="", OPENAI_API_KEY="", ANTHROPIC_API_KEY="")

    assert result.returncode == 1
    for name in ("DJANGO_SECRET_KEY", "LIVEKIT_API_KEY"):
        assert f"{name} is not set" in result.stderr
    assert "No provider of language models has a key." in result.stderr


def test_doctor_without_a_database_says_so_once() -> None:
    result = manage("doctor", "Database", "Workers", "Numbers", DJANGO_DEBUG="true")

    assert result.returncode == 1
    assert result.stderr == ""
    first, cure, *others = result.stdout.splitlines()
    assert first.startswith("✗ Database  connection failed: ")
    assert "port 1 failed: Connection refused" in first
    assert cure.strip() == "Start PostgreSQL, or correct DATABASE_URL."
    assert others == [
        "– Workers   skipped: the database does not answer",
        "– Numbers   skipped: the database does not answer",
        "1 of 3 checks failed.",
    ]


@pytest.mark.parametrize(("countries", "wrong"), [(["US", "UK"], "UK"), (["*", "XX"], "XX")])
def test_a_country_that_does_not_exist_is_named(countries: list[str], wrong: str, settings: Settings) -> None:
    settings.OUTBOUND_COUNTRIES = countries

    [(message, hint)] = problems()

    assert message == f"OUTBOUND_COUNTRIES: {wrong} is not a country."
    assert "US,CA" in hint
