"""Keys, addresses and prices of the providers: the same variables for each manifest."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from agents.providers import registry
from callcenter.environment import variables
from callcenter.environment.providers import account_settings, variables_of
from callcenter.environment.values import Env

OWN = ["DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL", "FALLBACK_DEEPGRAM_API_KEY", "FALLBACK_DEEPGRAM_BASE_URL"]


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in registry.all():
        for name in variables_of(provider):
            monkeypatch.delenv(name, raising=False)


def deepgram() -> list[str]:
    values = account_settings(Env())
    return [values[name] for name in OWN]


def test_every_provider_has_its_settings_and_their_rules() -> None:
    for provider in registry.all():
        for name in variables_of(provider):
            assert hasattr(settings, name), name
            assert name in variables.RULES


@pytest.mark.usefixtures("nothing_set")
def test_what_is_not_set_is_the_providers_own_and_the_fallback_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real = "https://api.deepgram.com"
    assert deepgram() == ["", real, "", real]

    monkeypatch.setenv("DEEPGRAM_API_KEY", "key")
    monkeypatch.setenv("DEEPGRAM_BASE_URL", "http://127.0.0.1:8090")
    assert deepgram() == ["key", "http://127.0.0.1:8090"] * 2

    monkeypatch.setenv("FALLBACK_DEEPGRAM_BASE_URL", "https://eu.deepgram.example")
    assert deepgram() == ["key", "http://127.0.0.1:8090", "key", "https://eu.deepgram.example"]


@pytest.mark.usefixtures("nothing_set")
def test_a_price_is_the_list_price_unless_another_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_PRICE_MILLION_TOKENS_OUT", "")
    monkeypatch.setenv("ELEVENLABS_PRICE_1000_CHARACTERS", "0")
    values = account_settings(Env())

    assert values["DEEPGRAM_PRICE_MINUTE"] == 0.65
    assert values["OPENAI_PRICE_MILLION_TOKENS_OUT"] == 160
    assert values["ELEVENLABS_PRICE_1000_CHARACTERS"] == 0


def test_nothing_starts_with_a_manifest_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/provider.toml").write_text('label = "Acme"\n')
    code = (
        "from pathlib import Path; from agents.providers import registry; "
        f"registry.FOLDERS.append(Path({str(tmp_path)!r})); import callcenter.settings"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{tmp_path}/acme/provider.toml: stt is missing: describe what it offers in [stt], [llm], [tts]."
    ]
