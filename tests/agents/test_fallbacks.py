"""Who takes over when a persona's provider fails."""

import pytest
from django.core.exceptions import ValidationError

from agents import fallbacks
from agents.choices import TurnPolicy
from agents.models import Persona
from tests.factories import client_of, make_persona

LOCAL = {"turn_policy": TurnPolicy.SMART_TURN, "stt_model": "nova-3-general"}


def test_a_persona_has_a_fallback_without_being_edited() -> None:
    persona = Persona(voice_id="rachel")
    assert fallbacks.stt_model(persona) == "nova-3-general"
    assert fallbacks.llm_model(persona) == "gpt-4o-mini"
    assert fallbacks.tts_model(persona) == "eleven_turbo_v2_5"
    assert fallbacks.voice_id(persona) == "rachel"


def test_the_fallback_is_another_model_than_the_personas_own() -> None:
    persona = Persona(**LOCAL, llm_model="llama3", tts_model="eleven_multilingual_v2")
    assert fallbacks.stt_model(persona) == "nova-2-general"
    assert fallbacks.llm_model(persona) == "gpt-4.1-mini"
    assert fallbacks.tts_model(persona) == "eleven_flash_v2_5"


def test_a_supervisors_choice_stands() -> None:
    chosen = {
        "stt_fallback_model": "nova-3-medical",
        "llm_fallback_model": "mistral-small",
        "tts_fallback_model": "eleven_v3",
        "fallback_voice_id": "roger",
    }
    persona = Persona(**chosen)
    models = (fallbacks.stt_model, fallbacks.llm_model, fallbacks.tts_model, fallbacks.voice_id)
    assert [model(persona) for model in models] == list(chosen.values())


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("stt_fallback_model", {**LOCAL, "stt_fallback_model": "flux-general-en"}),
        ("transfer_number", {"transfer_number": "0160 123"}),
        ("transfer_number", {"transfer_number": "+1"}),
    ],
)
def test_what_cannot_work_is_refused_with_the_fields_name(field: str, values: dict[str, str]) -> None:
    persona = Persona(name="Anna", prompt="You sell bread in Bremen.", voice_id="rachel", **values)
    with pytest.raises(ValidationError) as refused:
        persona.full_clean(validate_unique=False, validate_constraints=False)
    assert list(refused.value.message_dict) == [field]


@pytest.mark.django_db
def test_the_pages_of_a_persona_and_of_its_version_show_them() -> None:
    persona = make_persona(llm_fallback_model="mistral-small", transfer_number="+12025550177")
    assert persona.live_version is not None
    browser = client_of(superuser=True)
    for path in (f"persona/{persona.pk}", f"personaversion/{persona.live_version.pk}"):
        page = browser.get(f"/admin/agents/{path}/change/").content.decode()
        assert "When a provider fails" in page
        assert "mistral-small" in page
        assert "+12025550177" in page
