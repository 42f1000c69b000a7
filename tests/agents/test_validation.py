"""What a supervisor is told when a persona, a tool or its schema cannot work."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from agents.models import Persona, PersonaTool
from agents.tools.definitions import validate_https, validate_parameters, validate_tool_name
from tests.factories import make_persona, make_tool


def draft(**values: Any) -> Persona:
    return Persona(**{"name": "Desk", "prompt": "You answer the phone.", "voice_id": "voice", **values})


def errors_of(persona: Persona) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as raised:
        persona.full_clean(validate_unique=False, validate_constraints=False)
    return raised.value.message_dict


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"stt_model": "flux-general-multi", "language": "es"},
        {"stt_model": "nova-3-general", "turn_policy": "smart_turn"},
        {"stt_model": "nova-3-general", "turn_policy": "smart_turn", "language": "de"},
        {"language": "en-GB"},
        {"stt_provider": "assemblyai", "stt_model": "universal-3-6-pro"},
        {"stt_provider": "assemblyai", "stt_model": "universal-streaming-english", "turn_policy": "silence"},
        {"llm_provider": "anthropic", "llm_model": "claude-haiku-4-5"},
        {"tts_provider": "cartesia", "tts_model": "sonic-3"},
        {"silence_prompts_max": 0},
    ],
)
def test_what_works_together_is_accepted(values: dict[str, Any]) -> None:
    draft(**values).full_clean(validate_unique=False, validate_constraints=False)


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        (
            {"stt_model": "nova-3-general"},
            "stt_model",
            "The fast turn policy needs a different model from nova-3-general: choose flux-general-en or flux",
        ),
        (
            {"turn_policy": "smart_turn"},
            "stt_model",
            "The local turn policy needs a different model from flux-general-en: choose nova-3-general or nova-2-",
        ),
        ({"language": "fr"}, "stt_model", "flux-general-en does not support French: choose flux-general-multi."),
        (
            {"stt_model": "whisper"},
            "stt_model",
            "Deepgram has no model whisper: choose flux-general-en or flux-general-",
        ),
        ({"llm_provider": "anthropic"}, "llm_model", "Anthropic has no model gpt-4.1-mini: choose claude-haiku-4-5, "),
        ({"tts_provider": "acme"}, "tts_provider", "Value 'acme' is not a valid choice."),
        ({"turn_policy": "quick"}, "turn_policy", "is not a valid choice"),
        ({"prompt": "Hi"}, "prompt", "Write at least a sentence"),
        ({"prompt": ""}, "prompt", "cannot be blank"),
        ({"greeting": ""}, "greeting", "cannot be blank"),
        ({"voice_id": ""}, "voice_id", "cannot be blank"),
        ({"language": "en-XX"}, "language", "is not a valid choice"),
        ({"max_duration_s": 29}, "max_duration_s", "greater than or equal to 30"),
        ({"max_duration_s": 14_401}, "max_duration_s", "less than or equal to 14400"),
        ({"silence_after_s": 1}, "silence_after_s", "greater than or equal to 2"),
        ({"silence_after_s": 121}, "silence_after_s", "less than or equal to 120"),
        ({"silence_prompts_max": 6}, "silence_prompts_max", "less than or equal to 5"),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(values: dict[str, Any], field: str, message: str) -> None:
    errors = errors_of(draft(**values))

    assert list(errors) == [field]
    assert message in errors[field][0]


@pytest.mark.parametrize("name", ["find_order", "a", "order2", "a" * 63])
def test_tool_names_that_a_language_model_can_call(name: str) -> None:
    validate_tool_name(name)


@pytest.mark.parametrize(
    "name", ["", "FindOrder", "find order", "find-order", "2orders", "_order", "a" * 64, "commande_é", "find_order\n"]
)
def test_tool_names_that_a_language_model_cannot_call(name: str) -> None:
    with pytest.raises(ValidationError, match="Use lowercase letters"):
        validate_tool_name(name)


def test_the_built_in_tool_cannot_be_replaced() -> None:
    with pytest.raises(ValidationError, match="end_call is built in"):
        validate_tool_name("end_call")


@pytest.mark.parametrize("schema", [None, [], "object", {}, {"type": "string"}, {"properties": {}}])
def test_arguments_must_be_described_as_an_object(schema: Any) -> None:
    with pytest.raises(ValidationError, match="JSON schema of type object"):
        validate_parameters(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"order": {"type": "text"}}},
        {"type": "object", "properties": []},
        {"type": "object", "required": "order"},
    ],
)
def test_a_schema_with_a_mistake_is_refused(schema: Any) -> None:
    with pytest.raises(ValidationError, match="This is not a JSON schema"):
        validate_parameters(schema)


def test_a_tool_without_arguments_is_described_by_an_empty_object() -> None:
    validate_parameters({"type": "object", "properties": {}})


@pytest.mark.parametrize("url", ["http://example.com", "ftp://example.com", "https://", "example.com", "", "https://["])
def test_a_tool_needs_an_https_address(url: str) -> None:
    with pytest.raises(ValidationError, match="Enter an https URL"):
        validate_https(url)


@pytest.mark.parametrize("url", ["https://user:secret@example.com", "https://user@example.com/x"])
def test_an_address_with_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="Remove the user and password"):
        validate_https(url)


@pytest.mark.django_db
def test_a_tool_name_is_used_once_a_persona() -> None:
    persona = make_persona()
    tool = make_tool(persona)

    with pytest.raises(ValidationError, match="already exists"):
        PersonaTool(persona=persona, **tool.as_json()).full_clean()


@pytest.mark.django_db
@pytest.mark.parametrize("timeout_s", [0.4, 30.1])
def test_a_tool_may_take_half_a_second_to_thirty(timeout_s: float) -> None:
    tool = make_tool(make_persona(), timeout_s=timeout_s)

    with pytest.raises(ValidationError) as raised:
        tool.full_clean()

    assert list(raised.value.message_dict) == ["timeout_s"]
