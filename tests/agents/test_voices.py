"""Voices from the provider, and what a persona's form does without them."""

from collections.abc import Iterator

import httpx
import pytest
from django.urls import reverse

from agents import voices
from agents.voices import Voice, VoicesUnavailable, list_voices
from tests.factories import client_of, make_persona

pytestmark = pytest.mark.django_db


def _down() -> Iterator[Voice]:
    raise httpx.ConnectError("connection refused")


def _page(voice_id: str) -> str:
    persona = make_persona(voice_id=voice_id)
    response = client_of("Supervisors").get(reverse("admin:agents_persona_change", args=[persona.pk]))
    assert response.status_code == 200
    return response.content.decode()


def test_voices_are_listed_by_name_with_a_sample_to_play() -> None:
    page = _page("JBFqnCBsd6RMkjVDRZzb")
    assert page.index("George – male, british") < page.index("Sarah – female, american")
    assert 'data-sample="https://example.com/sarah.mp3"' in page
    assert 'data-voice-player src="https://example.com/george.mp3"' in page
    assert "agents/voice.js" in page


def test_a_voice_that_the_account_no_longer_has_stays_chosen() -> None:
    assert "old-voice (not in this ElevenLabs account)" in _page("old-voice")


def test_a_provider_that_is_down_leaves_a_text_field_and_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "_fetch", _down)
    page = _page("old-voice")
    assert "ElevenLabs does not answer" in page
    assert 'name="voice_id" value="old-voice"' in page


def test_the_list_is_asked_for_once_and_then_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list_voices()
    monkeypatch.setattr(voices, "_fetch", _down)
    assert list_voices() == before


def test_a_failure_is_remembered_too_so_that_pages_stay_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "_fetch", _down)
    with pytest.raises(VoicesUnavailable):
        list_voices()
    monkeypatch.setattr(voices, "_fetch", lambda: pytest.fail("asked again"))
    with pytest.raises(VoicesUnavailable):
        list_voices()
