"""Who takes over when a persona's provider fails."""

from importlib import import_module
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from agents import fallbacks, services
from agents.choices import TurnPolicy
from agents.models import Persona, PersonaVersion
from agents.provider_choices import Choice, as_lines, from_lines
from tests.factories import client_of, make_persona

LOCAL = {"turn_policy": TurnPolicy.SMART_TURN, "stt_model": "nova-3-general"}
HAIKU = {"provider": "anthropic", "model": "claude-haiku-4-5"}
SONIC = {"provider": "cartesia", "model": "sonic-3", "voice_id": "katie"}


def order(persona: Persona, stage: str) -> list[str]:
    return [str(choice) for choice in fallbacks.choices(persona, stage)]


def test_a_persona_has_a_fallback_without_being_edited() -> None:
    persona = Persona(voice_id="rachel")
    assert order(persona, "stt") == ["deepgram flux-general-en", "deepgram nova-3-general"]
    assert order(persona, "llm") == ["openai gpt-4.1-mini", "openai gpt-4o-mini"]
    assert order(persona, "tts") == ["elevenlabs eleven_flash_v2_5 rachel", "elevenlabs eleven_turbo_v2_5 rachel"]


def test_the_fallback_is_another_model_than_the_personas_own() -> None:
    persona = Persona(**LOCAL, llm_model="llama3", tts_model="eleven_multilingual_v2", voice_id="rachel")
    assert order(persona, "stt")[1:] == ["deepgram nova-2-general"]
    assert order(persona, "llm")[1:] == ["openai gpt-4.1-mini"]
    assert order(persona, "tts")[1:] == ["elevenlabs eleven_flash_v2_5 rachel"]


def test_those_that_a_supervisor_names_take_over_in_their_order_and_nobody_else() -> None:
    turbo = {"provider": "elevenlabs", "model": "eleven_turbo_v2_5"}
    persona = Persona(voice_id="rachel", tts_fallbacks=[SONIC, turbo, SONIC])
    assert order(persona, "tts") == [
        "elevenlabs eleven_flash_v2_5 rachel",
        "cartesia sonic-3 katie",
        "elevenlabs eleven_turbo_v2_5 rachel",
    ]


def test_the_same_model_of_another_account_can_take_over() -> None:
    persona = Persona(llm_fallbacks=[{"provider": "openai", "model": "gpt-4.1-mini"}])
    assert order(persona, "llm") == ["openai gpt-4.1-mini"] * 2


@pytest.mark.parametrize("fallback", [{}, {"llm_fallbacks": [HAIKU]}])
def test_a_persona_of_another_provider_has_fallbacks_too(fallback: dict[str, Any]) -> None:
    persona = Persona(llm_provider="anthropic", llm_model="claude-sonnet-4-5", **fallback)
    assert order(persona, "llm") == ["anthropic claude-sonnet-4-5", "anthropic claude-haiku-4-5"]


# --- What is typed ----------------------------------------------------------------------------------------------------


def test_fallbacks_are_typed_one_a_line() -> None:
    typed = "\n  Cartesia sonic-3  katie\n\nelevenlabs eleven_v3\n"
    choices = from_lines("tts", typed)

    assert choices == [Choice("tts", "cartesia", "sonic-3", "katie"), Choice("tts", "elevenlabs", "eleven_v3")]
    assert as_lines("tts", [choice.as_json() for choice in choices]) == "cartesia sonic-3 katie\nelevenlabs eleven_v3"


@pytest.mark.parametrize(
    ("stage", "typed", "message"),
    [
        ("llm", "anthropic", "Line 1: write a provider and a model, such as “anthropic claude-haiku-4-5”."),
        ("llm", "openai gpt-4o-mini\nanthropic claude-haiku-4-5 sarah", "Line 2: “sarah” is one word too many"),
        (
            "tts",
            "cartesia sonic-3 katie now",
            "Line 1: “now” is one word too many: write a line such as “cartesia sonic-3 <voice",
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_cure(stage: str, typed: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        from_lines(stage, typed)
    assert refused.value.messages[0].startswith(message)


# --- What cannot work -------------------------------------------------------------------------------------------------


def refused(values: dict[str, Any]) -> dict[str, list[str]]:
    values = {"name": "Anna", "prompt": "You sell bread in Bremen.", "voice_id": "rachel", **values}
    with pytest.raises(ValidationError) as raised:
        Persona(**values).full_clean(validate_unique=False, validate_constraints=False)
    return raised.value.message_dict


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("transfer_number", {"transfer_number": "0160 123"}),
        ("transfer_number", {"transfer_number": "+1"}),
        ("llm_fallbacks", {"llm_fallbacks": {"provider": "anthropic"}}),
        ("llm_fallbacks", {"llm_fallbacks": ["anthropic"]}),
        ("llm_fallbacks", {"llm_fallbacks": [{**HAIKU, "temperature": "0"}]}),
        ("llm_fallbacks", {"llm_fallbacks": [{"provider": "openai", "model": "two words"}]}),
        ("stt_fallbacks", {"stt_fallbacks": 5}),
    ],
)
def test_what_is_no_list_of_providers_is_refused_with_the_fields_name(field: str, values: dict[str, Any]) -> None:
    assert list(refused(values)) == [field]


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        (
            "stt_fallbacks",
            {**LOCAL, "stt_fallbacks": [{"provider": "deepgram", "model": "flux-general-en"}]},
            "Line 1: The local turn policy needs a different model from flux-general-en: choose nova-3-general or "
            "nova-2-general, or another turn policy.",
        ),
        (
            "stt_fallbacks",
            {
                **LOCAL,
                "language": "de",
                "stt_fallbacks": [{"provider": "assemblyai", "model": "universal-streaming-english"}],
            },
            "Line 1: universal-streaming-english does not support German: choose universal-3-6-pro, universal-3-5-pro, "
            "u3-rt-pro or universal-streaming-multilingual.",
        ),
        (
            "stt_fallbacks",
            {
                **LOCAL,
                "language": "nl",
                "stt_fallbacks": [{"provider": "assemblyai", "model": "universal-streaming-multilingual"}],
            },
            "Line 1: universal-streaming-multilingual does not support Dutch: choose universal-3-6-pro, "
            "universal-3-5-pro or u3-rt-pro.",
        ),
        (
            "llm_fallbacks",
            {"llm_fallbacks": [HAIKU, {"provider": "acme", "model": "acme-1"}]},
            "Line 2: No provider of language models is called “acme”: choose anthropic or openai.",
        ),
        (
            "llm_fallbacks",
            {"llm_fallbacks": [SONIC]},
            "Line 1: No provider of language models is called “cartesia”: choose anthropic or openai.",
        ),
        (
            "llm_fallbacks",
            {"llm_fallbacks": [{"provider": "anthropic", "model": "gpt-4o-mini"}]},
            "Line 1: Anthropic has no model gpt-4o-mini: choose claude-haiku-4-5, claude-haiku-5-5, claude-sonnet-4-5 "
            "or claude-sonnet-5-5.",
        ),
        (
            "llm_fallbacks",
            {"llm_fallbacks": [{**HAIKU, "voice_id": "sarah"}]},
            "Line 1: Only text to speech has a voice: leave “sarah” out.",
        ),
        (
            "tts_fallbacks",
            {"tts_fallbacks": [{"provider": "cartesia", "model": "sonic-3"}]},
            "Line 1: Name a voice of Cartesia after the model: “cartesia sonic-3 <voice id>”.",
        ),
        (
            "llm_fallbacks",
            {"llm_fallbacks": [{"provider": "openai", "model": f"model-{number}"} for number in range(5)]},
            "These are 5 fallbacks: name at most 4, because callers wait for each.",
        ),
    ],
)
def test_a_fallback_that_cannot_work_is_named_with_its_line_and_cure(
    field: str, values: dict[str, Any], message: str
) -> None:
    assert refused(values) == {field: [message]}


@pytest.mark.django_db
def test_a_version_whose_provider_has_lost_its_key_is_not_made_live_again(settings: Any) -> None:
    persona = make_persona(published=False, tts_fallbacks=[SONIC])
    first = services.publish(persona)
    persona.tts_fallbacks = []
    persona.save()
    second = services.publish(persona)
    settings.CARTESIA_API_KEY = ""

    with pytest.raises(ValidationError, match="Cartesia has no key: set CARTESIA_API_KEY"):
        services.roll_back(first)

    persona.refresh_from_db()
    assert (persona.live_version, persona.tts_fallbacks) == (second, [])


@pytest.mark.django_db
def test_a_persona_whose_providers_have_no_key_is_not_published(settings: Any) -> None:
    persona = make_persona(published=False, tts_fallbacks=[SONIC])
    settings.DEEPGRAM_API_KEY = settings.CARTESIA_API_KEY = ""

    with pytest.raises(ValidationError) as raised:
        services.publish(persona)

    assert raised.value.message_dict == {
        "stt_provider": ["Deepgram has no key: set DEEPGRAM_API_KEY, or choose another provider."],
        "tts_fallbacks": [
            "cartesia sonic-3 katie: Cartesia has no key: set CARTESIA_API_KEY, or choose another provider."
        ],
    }


# --- Pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("group", ["Supervisors", "Viewers"])
def test_the_pages_of_a_persona_and_of_its_version_show_them(group: str) -> None:
    persona = make_persona(tts_fallbacks=[SONIC], transfer_number="+12025550177")
    assert persona.live_version is not None
    browser = client_of(group)
    for path in (f"persona/{persona.pk}", f"personaversion/{persona.live_version.pk}"):
        page = browser.get(f"/admin/agents/{path}/change/").content.decode()
        assert "When a provider fails" in page
        assert "cartesia sonic-3 katie" in page
        assert "+12025550177" in page


# --- Personas of before -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_personas_of_before_keep_what_they_had() -> None:
    migration = import_module("agents.migrations.0007_fallback_lists")
    loader = MigrationLoader(connection)
    state = loader.project_state(("agents", "0006_fallback_names"))
    former = state.apps.get_model("agents", "Persona")
    common = {"prompt": "You sell bread in Bremen.", "voice_id": "rachel"}
    former.objects.create(name="nothing", **common)
    former.objects.create(
        name="all",
        **common,
        stt_fallback_model="nova-3-medical",
        llm_fallback_model="mistral-small",
        tts_fallback_model="eleven_v3",
        fallback_voice_id="roger",
    )
    former.objects.create(name="voice", **common, fallback_voice_id="roger")
    former.objects.create(name="medical", **common, turn_policy="silence", stt_model="nova-3-medical")

    for operation in loader.get_migration("agents", "0007_fallback_lists").operations[:6]:
        operation.state_forwards("agents", state)
    migration.make_lists(state.apps, connection.schema_editor())

    after = {row.name: [order(row, stage)[1:] for stage in ("stt", "llm", "tts")] for row in Persona.objects.all()}
    assert after == {
        "nothing": [
            ["deepgram nova-3-general"],
            ["openai gpt-4o-mini"],
            ["elevenlabs eleven_turbo_v2_5 rachel"],
        ],
        "all": [["deepgram nova-3-medical"], ["openai mistral-small"], ["elevenlabs eleven_v3 roger"]],
        "voice": [
            ["deepgram nova-3-general"],
            ["openai gpt-4o-mini"],
            ["elevenlabs eleven_turbo_v2_5 roger"],
        ],
        "medical": [["deepgram nova-2-general"], ["openai gpt-4o-mini"], ["elevenlabs eleven_turbo_v2_5 rachel"]],
    }
    assert Persona.objects.get(name="nothing").llm_fallbacks == []


@pytest.mark.django_db
def test_processes_of_the_version_before_still_read_and_write_personas() -> None:
    """During a deploy they run on the new tables."""
    persona = make_persona(llm_fallbacks=[HAIKU])
    state = MigrationLoader(connection).project_state(("agents", "0006_fallback_names"))
    former = state.apps.get_model("agents", "PersonaVersion")

    read = former.objects.get(persona_id=persona.pk)
    assert read.llm_fallback_model == ""
    read.pk, read.number = None, 2
    read.save(force_insert=True)

    assert PersonaVersion.objects.get(persona=persona, number=2).llm_fallbacks == []
