"""What Cartesia checks before it speaks, and its errors.

Protocol: docs.cartesia.ai/use-the-api/api-conventions and /api-errors, version 2026-03-01. Only the codes that the
documentation shows are used; the others are null, as there.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.cartesia.formats import OutputFormat, parse_output_format
from simulator.faults import Fault, Target
from simulator.speech.audio import UnsupportedFormat
from simulator.wire import REFUSED_KEY, admit, json_error

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_RANGES = {"speed": (0.6, 1.5), "volume": (0.5, 2.0)}


class InvalidRequest(ValueError):
    """A request that Cartesia answers with status 400; has a title and a message."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title


def cartesia_error(title: str, message: str, code: str | None = None) -> dict[str, Any]:
    """The body of Cartesia's errors."""
    return {"error_code": code, "title": title, "message": message, "request_id": str(uuid.uuid4())}


def server_error(message: str = "The server had an error.") -> dict[str, Any]:
    """The body of HTTP 500."""
    return cartesia_error("Internal server error", message)


def check_headers(request: web.Request) -> None:
    """HTTP 401 without a valid key, 400 without a version. Both may stand in the query, where it wins."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    query = request.query.get("api_key") or request.query.get("access_token")
    key = query or request.headers.get("X-API-Key") or bearer
    if not key or key == REFUSED_KEY:
        raise json_error(401, cartesia_error("Unauthorized", "The API key is missing or not valid."))
    version = request.query.get("cartesia_version") or request.headers.get("Cartesia-Version") or ""
    if not _VERSION.fullmatch(version):
        message = f"Cartesia-Version is {version!r}: it must be a date such as 2026-03-01."
        raise json_error(400, cartesia_error("Invalid API version", message))


def admit_speaker(request: web.Request, target: Target) -> Fault | None:
    """Let a text-to-speech request in, or fail it as an active fault says."""
    limit = "You have exceeded your plan's concurrency limit."
    busy = cartesia_error("Too many concurrent requests", limit, "concurrency_limited")
    return admit(request, target, busy, server_error())


@dataclass(frozen=True)
class Generation:
    """A checked request to speak."""

    transcript: str
    model_id: str
    voice_id: str
    output_format: OutputFormat
    with_words: bool


def parse_generation(document: object, containers: tuple[str, ...] = ("raw",)) -> Generation:
    """Check a request to speak. Raises InvalidRequest."""
    if not isinstance(document, Mapping):
        raise InvalidRequest("Invalid request", "The message is not a JSON object.")
    for field in ("model_id", "transcript"):
        if not isinstance(document.get(field), str):
            raise InvalidRequest(f"Invalid {field}", f"{field} is required.")
    voice = document.get("voice")
    voice_id = voice.get("id") if isinstance(voice, Mapping) else voice
    if not isinstance(voice_id, str) or not voice_id:
        raise InvalidRequest("Invalid voice", 'voice is required, such as {"mode": "id", "id": "..."}.')
    config = document.get("generation_config") or {}
    if not isinstance(config, Mapping):
        raise InvalidRequest("Invalid generation_config", "generation_config is not a JSON object.")
    for field, (least, most) in _RANGES.items():
        value = config.get(field, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise InvalidRequest(f"Invalid {field}", f"generation_config.{field} must be from {least} to {most}.")
    try:
        output_format = parse_output_format(document.get("output_format"), containers)
    except UnsupportedFormat as error:
        raise InvalidRequest("Invalid output format", str(error)) from error
    with_words = document.get("add_timestamps") is True
    return Generation(document["transcript"], document["model_id"], voice_id, output_format, with_words)


def is_speakable(text: str) -> bool:
    """Whether there is more than spaces and punctuation."""
    return any(character.isalnum() for character in text)


NOTHING_TO_SAY = "transcript empty or contains only punctuation"
"""The title of Cartesia's error for a text that is not speakable: github.com/livekit/agents/pull/3080."""
