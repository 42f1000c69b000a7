"""A stranger adds a text to speech vendor: one folder, and nothing else changes."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.module_loading import import_string
from pytest_django import Settings

import workers.providers
from agents.models import SpokenLine
from agents.providers import registry
from agents.voices import catalog, speech_thread
from callcenter.environment.providers import account_settings
from callcenter.environment.values import Env
from calls.provisioning import provider_keys
from tests.agents.conftest import SentTasks
from tests.factories import client_of, make_persona
from tools.local import ROOT
from workers.providers import targets
from workers.providers.targets import Target

pytestmark = pytest.mark.django_db

ASK = catalog._fetch  # before the fixtures of agents put a list in its place
MANIFEST = """
label = "Acme Voices"
base_url = "https://api.acme.example"

[key_request]
path = "/me"
headers = { Authorization = "{key}" }

[tts]
service = "workers.providers.acme.tts.voice"
speak = "workers.providers.acme.tts.speak"
voices = "workers.providers.acme.tts.list_voices"
stand_ins = ["acme-2"]

[tts.price]
1000_characters = 3

[[tts.models]]
name = "acme-1"

[[tts.models]]
name = "acme-2"
"""
CODE = '''
"""Acme: text to speech."""

from agents.voices.catalog import Voice
from agents.voices.speech import Speech


def voice(target):
    return f"Pipecat's service for {target}"


def speak(account, line, timeout_s):
    return Speech(bytes(3200), [(line.text, 0)])


def list_voices(account):
    return [Voice("wile", "Wile", account.host, "")]
'''


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Path]:
    """The vendor's folder, beside those that come with the program."""
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "provider.toml").write_text(MANIFEST)
    (folder / "__init__.py").write_text('"""Acme: text to speech."""\n')
    (folder / "tts.py").write_text(CODE)
    importlib.invalidate_caches()  # the files are new
    monkeypatch.setattr(registry, "FOLDERS", [*registry.FOLDERS, tmp_path])
    monkeypatch.setattr(workers.providers, "__path__", [*workers.providers.__path__, str(tmp_path)])
    monkeypatch.setenv("ACME_API_KEY", "key")
    for name, value in account_settings(Env()).items():
        if "ACME" in name:
            setattr(settings, name, value)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("workers.providers.acme")]:
        del sys.modules[name]


def test_it_is_offered_in_the_admin_with_its_voices(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_fetch", ASK)
    persona = make_persona(published=False, tts_provider="acme", tts_model="acme-1", voice_id="wile")

    page = client_of("Supervisors").get(reverse("admin:agents_persona_change", args=[persona.pk])).content.decode()

    assert '<option value="acme" selected>Acme Voices</option>' in page
    assert "Wile – api.acme.example" in page
    assert "Providers: acme, cartesia, elevenlabs." in page


def test_a_persona_that_has_it_is_published_spoken_and_reached(acme: Path, sent: SentTasks) -> None:
    persona = make_persona(tts_provider="acme", tts_model="acme-1", voice_id="wile")
    version = persona.live_version
    assert version is not None

    speech_thread.speak(version.pk)

    assert SpokenLine.objects.filter(provider="acme").count() == 7
    own, stand_in = targets.tts(version)
    assert own == Target("tts", "acme", "acme-1", "https://api.acme.example", "key", "wile")
    assert stand_in == Target("tts", "acme", "acme-2", "https://api.acme.example", "key", "wile")
    service = import_string(registry.get("acme").offer("tts").service)
    assert service(own) == "Pipecat's service for acme-1 at api.acme.example"


def test_it_takes_over_from_others(acme: Path) -> None:
    persona = make_persona(tts_fallbacks=[{"provider": "acme", "model": "acme-2", "voice_id": "wile"}])
    assert persona.live_version is not None
    assert [str(target) for target in targets.tts(persona.live_version)][1:] == ["acme-2 at api.acme.example"]


def test_doctor_and_the_prices_know_it(acme: Path) -> None:
    assert "Acme Voices" in provider_keys.checks()
    assert account_settings(Env())["ACME_PRICE_1000_CHARACTERS"] == 3


def test_it_needs_no_migration_and_has_its_settings_in_every_process(acme: Path) -> None:
    program = (
        "from pathlib import Path; from agents.providers import registry; "
        f"registry.FOLDERS.append(Path({str(acme)!r})); "
        "import django; django.setup(); from django.conf import settings; "
        "from django.core.management import call_command; call_command('makemigrations', check=True, dry_run=True); "
        "from agents.choices import tts_providers; "
        "print(settings.ACME_BASE_URL, settings.FALLBACK_ACME_API_KEY, dict(tts_providers())['acme'])"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "callcenter.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["No changes detected", "https://api.acme.example key Acme Voices"]
