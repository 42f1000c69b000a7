"""A tool's JSON schema can neither fetch, loop nor block the calls of the worker that checks arguments with it."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from agents import services
from agents.tools import tool_schemas
from agents.tools.definitions import validate_parameters
from tests.factories import make_persona, make_tool


def schema_of(**order: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"order": order}}


def refusal_of(schema: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as raised:
        validate_parameters(schema)
    [message] = raised.value.messages
    return message


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    return {"type": "object", "properties": {"order": schema}}


@pytest.mark.parametrize("name", ["$ref", "$dynamicRef", "$recursiveRef"])
@pytest.mark.parametrize("target", ["https://example.com/order.json", "file:///etc/hostname", "#/nowhere", "#"])
def test_a_reference_is_refused_wherever_it_leads(name: str, target: str) -> None:
    assert refusal_of(schema_of(**{name: target})).startswith(f"properties.order.{name} is not supported: put")


@pytest.mark.parametrize("name", ["unevaluatedProperties", "unevaluatedItems"])
def test_what_takes_exponential_time_is_refused(name: str) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(20):
        schema = {"type": "object", "if": schema, name: False}
    assert f"{name} is not supported: use additionalProperties, or items." in refusal_of(schema)


@pytest.mark.parametrize("pattern", [r"^(?=.*\d).+$", r"(a)\1", "(", "(a{1000}){1000}"])
def test_a_pattern_that_no_linear_engine_takes_is_refused_with_its_place(pattern: str) -> None:
    assert refusal_of(schema_of(pattern=pattern)).startswith("properties.order.pattern cannot be matched in linear")
    assert "patternProperties" in refusal_of({"type": "object", "patternProperties": {pattern: {}}})


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"^(\w+\s?)*$", "^(a|a)*$"])
def test_a_pattern_that_backtracks_elsewhere_is_matched_in_linear_time(pattern: str) -> None:
    validator = tool_schemas.validator(schema_of(type="string", pattern=pattern))

    assert validator.is_valid({"order": "a" * 50})
    assert not validator.is_valid({"order": "a" * 50_000 + "!"})  # for ever, if it went back


@pytest.mark.parametrize("pattern", [r"^\d{4}-[A-Z]{2}$", r"^[\w.+-]+@[\w-]+\.[\w.]+$", r"^[\p{L} '-]+$"])
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    validate_parameters(schema_of(type="string", pattern=pattern))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (nested(40), "nested more than 32 levels deep"),
        (nested(5000), "nested more than 32 levels deep"),
        (schema_of(description="x" * 20_000), "longer than 16 KiB"),
        ({"type": "object", "properties": {f"p{n}": {"pattern": "a"} for n in range(11)}}, "has 11 patterns"),
        (schema_of(const=float("nan")), "properties.order.const is nan"),
        (schema_of(maximum=10**5000), "properties.order.maximum is a number with too many digits"),
        (schema_of(description="\0"), "properties.order.description contains an invalid character"),
        (schema_of(enum=["\ud800"]), "properties.order.enum.0 contains an invalid character"),
        ({"type": "object", "properties": {"\0": {}}}, "properties contains an invalid character"),
    ],
)
def test_what_could_not_be_stored_or_checked_is_refused_with_its_place(schema: dict[str, Any], message: str) -> None:
    assert message in refusal_of(schema)


@pytest.mark.django_db
def test_publishing_names_the_tool_and_the_place() -> None:
    persona = make_persona(published=False)
    make_tool(persona, parameters=schema_of(**{"$ref": "https://example.com/order.json"}))

    with pytest.raises(ValidationError) as raised:
        services.publish(persona)

    [message] = raised.value.messages
    assert message.startswith("Tool find_order, parameters: properties.order.$ref is not supported")
    assert not persona.versions.exists()


def test_a_refused_value_is_not_in_the_message() -> None:
    validator = tool_schemas.validator(schema_of(type="string", pattern="^[0-9]+$"))

    [error] = validator.iter_errors({"order": "my card is 4242"})
    assert error.message == 'the value does not match "^[0-9]+$"'


def test_a_schema_of_every_day_is_read_as_it_is_written() -> None:
    schema = schema_of(type="string", enum=["small", "large"]) | {"required": ["order"], "additionalProperties": False}

    validator = tool_schemas.validator(json.loads(json.dumps(schema)))
    assert validator.is_valid({"order": "small"})
    assert not validator.is_valid({"order": "huge"})
    assert not validator.is_valid({})
    assert not validator.is_valid({"order": "small", "more": 1})
