"""The JSON schemas that describe a tool's arguments: what a supervisor writes must neither fetch, loop nor block.

A call checks the model's arguments on the loop that carries the audio of all calls. So references, and what takes
exponential time, are refused, sizes are bounded, and patterns are matched in linear time (Rust's `regex`, through
jsonschema-rs).
"""

import json
from functools import lru_cache
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions
from jsonschema_rs import ValidationError as SchemaError

from common import json_values

MAX_BYTES = 16 * 1024
MAX_DEPTH = 32
MAX_PATTERNS = 10
PATTERN_BYTES = 512 * 1024  # of a compiled pattern, which takes some 30 ms then, once a process
REFUSED = {
    **dict.fromkeys(("$ref", "$dynamicRef", "$recursiveRef"), "put what it refers to in its place"),
    # Their cost doubles with each level of if, oneOf and others around them: 30 levels take minutes.
    **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems"), "use additionalProperties, or items"),
}
"""Keywords, and what to write instead."""


class BadSchema(ValueError):
    """A schema that cannot be used: the message names the place in it and the cure."""


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """What checks arguments against the schema: it fetches nothing and takes linear time. Raises BadSchema.

    Its messages do not repeat the values that it refuses.
    """
    _check_values(schema)
    text = json.dumps(schema)
    if len(text) > MAX_BYTES:
        raise BadSchema(
            f"The schema is longer than {MAX_BYTES // 1024} KiB: describe fewer arguments, or more briefly."
        )
    return _compiled(text)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Draft202012Validator:
    try:
        return Draft202012Validator(
            json.loads(text), pattern_options=RegexOptions(size_limit=PATTERN_BYTES), offline=True, mask="the value"
        )
    except SchemaError as error:
        raise BadSchema(_explained(error)) from error
    except ValueError as error:  # jsonschema-rs's own limits
        raise BadSchema(f"This schema cannot be read: {error}.") from error


def _explained(error: SchemaError) -> str:
    place = tuple(str(step) for step in error.instance_path)
    where = json_values.path(place)
    if place[-1:] in (("pattern",), ("patternProperties",)):
        return (
            f"{where} cannot be matched in linear time. Leave out lookarounds and back-references; in place of large "
            "repetitions as in {1,40}, write + and add maxLength."
        )
    return f"This is not a JSON schema: {where + ': ' if where else ''}{error.message.replace('the value', 'this')}."


def _check_values(schema: Any) -> None:
    """Raise BadSchema for what PostgreSQL, JSON or a call could not cope with."""
    wrong = json_values.fault(schema, MAX_DEPTH)
    if wrong:
        raise BadSchema(f"This schema cannot be used: {wrong}.")
    patterns = 0
    for place, value in json_values.walk(schema):
        if not isinstance(value, dict):
            continue
        for keyword in sorted(REFUSED.keys() & value.keys()):
            raise BadSchema(f"{json_values.path((*place, keyword))} is not supported: {REFUSED[keyword]}.")
        named = value.get("patternProperties")
        patterns += isinstance(value.get("pattern"), str) + (len(named) if isinstance(named, dict) else 0)
    if patterns > MAX_PATTERNS:
        raise BadSchema(f"The schema has {patterns} patterns: use {MAX_PATTERNS} at most.")
