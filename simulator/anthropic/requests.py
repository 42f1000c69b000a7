"""What Anthropic checks before a model answers, and its errors.

Protocol: platform.claude.com/docs/en/api/errors, /api/versioning and /api/messages.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from simulator.faults import Fault, Target
from simulator.wire import REFUSED_KEY, admit, json_error

VERSIONS = ("2023-01-01", "2023-06-01")
_PREFILLED = re.compile(r"claude-(2|instant|3|(opus|sonnet|haiku)-4-([0-5]\b|\d{8}))")
"""Models that continue an assistant's message; from version 4.6 on a request must end with the user's."""


def anthropic_error(kind: str, message: str) -> dict[str, Any]:
    """The body of Anthropic's HTTP errors."""
    error = {"type": kind, "message": message}
    return {"type": "error", "error": error, "request_id": f"req_{uuid.uuid4().hex[:24]}"}


def invalid(message: str) -> web.HTTPException:
    """HTTP 400, to be raised."""
    return json_error(400, anthropic_error("invalid_request_error", message))


def server_error(message: str = "Internal server error") -> dict[str, Any]:
    """The body of HTTP 500."""
    return anthropic_error("api_error", message)


def check_headers(request: web.Request) -> None:
    """HTTP 401 without a valid key, 400 without a version."""
    key = request.headers.get("x-api-key", "").strip()
    if not key:
        raise json_error(401, anthropic_error("authentication_error", "x-api-key header is required"))
    if key == REFUSED_KEY:
        raise json_error(401, anthropic_error("authentication_error", "invalid x-api-key"))
    version = request.headers.get("anthropic-version")
    if version is None:
        raise invalid("anthropic-version: header is required")
    if version not in VERSIONS:
        raise invalid(f'anthropic-version: "{version}" is not a valid version')


def admit_client(request: web.Request, target: Target) -> Fault | None:
    """Let a request in, or fail it as an active fault says."""
    limit = anthropic_error("rate_limit_error", "This request would exceed your organization's rate limit.")
    return admit(request, target, limit, server_error())


async def read_body(request: web.Request) -> dict[str, Any]:
    """The body of a request for a message. HTTP 400 for what Anthropic refuses."""
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise invalid("The request body is not valid JSON")
    for field in ("model", "max_tokens", "messages"):
        if field not in body:
            raise invalid(f"{field}: Field required")
    if not isinstance(body["model"], str) or not body["model"]:
        raise invalid("model: Input should be a valid string")
    limit = body["max_tokens"]
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise invalid("max_tokens: Input should be an integer greater than or equal to 1")
    _check_messages(body["messages"], body["model"])
    return body


def blocks_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The content of a message as blocks."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or () if isinstance(block, Mapping)]


def _check_messages(messages: object, model: str) -> None:
    if not isinstance(messages, list):
        raise invalid("messages: Input should be a valid list")
    if not messages:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in ("user", "assistant"):
            raise invalid(f"messages.{index}.role: Input should be 'user' or 'assistant'")
        if not isinstance(message.get("content"), str | list):
            raise invalid(f"messages.{index}.content: Input should be a valid string or list")
    _check_results(messages)
    if messages[-1]["role"] == "assistant" and not _PREFILLED.match(model):
        prefill = "This model does not support assistant message prefill. "
        raise invalid(f"{prefill}The conversation must end with a user message.")


def _check_results(messages: Sequence[Mapping[str, Any]]) -> None:
    """Every call must have its result in the next message, and every result its call in the one before."""
    called: set[str] = set()
    for index, message in enumerate([*messages, {}]):
        blocks = blocks_of(message)
        results = _ids(blocks, "tool_result", "tool_use_id")
        if missing := sorted(called - results):
            raise invalid(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )
        if unexpected := sorted(results - called):
            raise invalid(
                f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(unexpected)}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        called = _ids(blocks, "tool_use", "id")


def _ids(blocks: Iterable[Mapping[str, Any]], kind: str, field: str) -> set[str]:
    return {str(block.get(field)) for block in blocks if block.get("type") == kind}
