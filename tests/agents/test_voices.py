"""Voices from the provider, and what a persona's form does without them."""

from collections.abc import Iterator

import httpx
import pytest
from django.core.cache import cache
from django.urls import reverse

from agents.admin.persona_form import PersonaForm
from agents.voices import catalog
from agents.voices.catalog import Voice, VoicesUnavailable, list_voices
from simulator.elevenlabs.voices import PREVIEW_PATH
from tests.agents.conftest import LISTED, Provider
from tests.factories import client_of, make_persona

pytestmark = pytest.mark.django_db


def _down(provider: str) -> Iterator[Voice]:
    raise httpx.ConnectError("connection refused")


def _page(voice_id: str) -> str:
    persona = make_persona(voice_id=voice_id)
    response = client_of("Supervisors").get(reverse("admin:agents_persona_change", args=[persona.pk]))
    assert response.status_code == 200
    return response.content.decode()


def _sample_path(voice_id: str) -> str:
    return reverse("admin:agents_persona_voice_sample", args=["elevenlabs", voice_id])


def _offer(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(catalog, "_fetch", lambda provider: iter([Voice("one", "One", "", url)]))


def test_a_sample_is_passed_on_to_who_may_see_personas(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, f"{provider.url}{PREVIEW_PATH.format(voice_id=LISTED[0].id)}")

    answer = client_of("Supervisors").get(_sample_path("one"))

    assert (answer.status_code, answer["Content-Type"]) == (200, "audio/wav")
    assert answer.content.startswith(b"RIFF")
    assert client_of().get(_sample_path("one")).status_code == 403
    assert client_of("Supervisors").get(_sample_path("other")).status_code == 404


def test_a_sample_that_is_no_sound_or_too_large_is_not_passed_on(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(monkeypatch, f"{provider.url}/health")
    assert client_of("Supervisors").get(_sample_path("one")).status_code == 404

    cache.clear()
    _offer(monkeypatch, f"{provider.url}{PREVIEW_PATH.format(voice_id=LISTED[0].id)}")
    monkeypatch.setattr(catalog, "SAMPLE_BYTES_MAX", 100)
    assert client_of("Supervisors").get(_sample_path("one")).status_code == 404


def test_a_provider_that_does_not_answer_has_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, "http://127.0.0.1:1/sample.mp3")
    assert client_of("Supervisors").get(_sample_path("one")).status_code == 404


def test_voices_are_listed_by_name_with_a_sample_to_play() -> None:
    page = _page("JBFqnCBsd6RMkjVDRZzb")
    assert page.index("George – male, british") < page.index("Sarah – female, american")
    assert f'data-sample="{_sample_path("EXAVITQu4vr4xnSDxMaL")}"' in page
    assert f'data-voice-player src="{_sample_path("JBFqnCBsd6RMkjVDRZzb")}"' in page
    assert "agents/voice.js" in page


def test_a_voice_that_the_account_no_longer_has_stays_chosen() -> None:
    assert "old-voice (not in this ElevenLabs account)" in _page("old-voice")


def test_a_provider_that_is_down_leaves_a_text_field_and_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_fetch", _down)
    page = _page("old-voice")
    assert "ElevenLabs is not responding" in page
    assert 'name="voice_id" value="old-voice"' in page


def test_the_list_is_asked_for_once_and_then_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list_voices("elevenlabs")
    monkeypatch.setattr(catalog, "_fetch", _down)
    assert list_voices("elevenlabs") == before


def test_a_failure_is_remembered_too_so_that_pages_stay_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_fetch", _down)
    with pytest.raises(VoicesUnavailable):
        list_voices("elevenlabs")
    monkeypatch.setattr(catalog, "_fetch", lambda provider: pytest.fail("asked again"))
    with pytest.raises(VoicesUnavailable):
        list_voices("elevenlabs")


def test_the_voices_are_those_of_the_provider_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    katie = Voice("katie-id", "Katie", "feminine", "")
    monkeypatch.setattr(catalog, "_fetch", lambda provider: iter({"elevenlabs": LISTED, "cartesia": [katie]}[provider]))
    persona = make_persona(voice_id=LISTED[0].id)
    form = PersonaForm(instance=persona, data={"tts_provider": "cartesia", "voice_id": LISTED[0].id})

    assert [value for value, _ in form.fields["voice_id"].choices] == ["", "katie-id"]  # type: ignore[attr-defined]
    assert form.errors["voice_id"] == ["Choose a voice of Cartesia from the list."]


def test_voices_of_another_provider_are_told_to_who_may_see_personas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_fetch", lambda provider: iter([Voice("katie-id", "Katie", "feminine", "")]))
    path = reverse("admin:agents_persona_voices", args=["cartesia"])

    answer = client_of("Supervisors").get(path)

    assert answer.json() == {
        "help": "Voices of Cartesia. Press play to hear the chosen one.",
        "voices": [{"id": "katie-id", "title": "Katie – feminine", "sample": ""}],
    }
    assert client_of().get(path).status_code == 403
    assert client_of("Supervisors").get(reverse("admin:agents_persona_voices", args=["deepgram"])).status_code == 404


def test_a_provider_that_is_down_is_named_instead_of_its_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_fetch", _down)
    answer = client_of("Supervisors").get(reverse("admin:agents_persona_voices", args=["cartesia"]))
    assert (answer.status_code, answer.json()) == (
        503,
        {"error": "Cartesia is not responding, so its voices cannot be listed"},
    )


def test_a_provider_that_fails_in_a_way_of_its_own_leaves_a_text_field(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(provider: str) -> Iterator[Voice]:
        raise KeyError("data")

    monkeypatch.setattr(catalog, "_fetch", fail)
    assert "ElevenLabs is not responding" in _page("old-voice")
