"""Tools that a persona may call during a conversation, as data: what the LLM sees, and what the worker calls."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from agents.tools import tool_schemas

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
RESERVED = frozenset({"end_call"})


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool of a published version. `parameters` is a JSON schema of type object; `timeout_s` in seconds.

    `secret` is the name of the ToolSecret that the service asks for; empty when it asks for none.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    url: str
    timeout_s: float
    secret: str = ""


def validate_tool_name(name: str) -> None:
    """Raise ValidationError unless an LLM can call the tool by this name."""
    if not NAME.fullmatch(name):
        raise ValidationError(
            "Use lowercase letters, digits and underscores, starting with a letter: for example find_order."
        )
    if name in RESERVED:
        raise ValidationError(f"{name} is built in: every persona already has it. Choose another name.")


def validate_parameters(schema: Any) -> None:
    """Raise ValidationError unless `schema` is a JSON schema of an object that a call can use."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ValidationError(
            'Describe the arguments as a JSON schema of type object: for example {"type": "object", "properties": '
            '{"order": {"type": "string"}}, "required": ["order"]}.'
        )
    try:
        tool_schemas.validator(schema)
    except tool_schemas.BadSchema as error:
        raise ValidationError(str(error)) from error


def host(url: str) -> str:
    """The URL's host in lowercase; empty when there is none, or the URL is invalid."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def validate_host(name: str) -> None:
    """Raise ValidationError unless `name` is a host as it appears in a URL, in lowercase."""
    if not name or host(f"https://{name}/") != name:
        raise ValidationError("Enter only the host, in lowercase: for example orders.example.com.")


def validate_https(url: str) -> None:
    """Raise ValidationError unless `url` is an https URL without a user or password in it."""
    message = "Enter an https URL, for example https://example.com/orders."
    try:
        parts = urlsplit(url)
    except ValueError as error:  # half an IPv6 address
        raise ValidationError(message) from error
    if parts.scheme != "https" or not parts.hostname:
        raise ValidationError(message)
    if parts.username or parts.password:
        raise ValidationError("Remove the user and password from the address.")
