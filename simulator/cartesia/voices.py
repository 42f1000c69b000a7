"""The voices of the simulated Cartesia account, and the pages that list them.

Protocol: docs.cartesia.ai/2026-03-01/api-reference/voices.
"""

from typing import Any

from aiohttp import web

from simulator.cartesia.requests import cartesia_error, check_headers
from simulator.tts.voices import Voice, by_id, sample, speaker_among
from simulator.wire import json_error
from simulator.world import WORLD

PREVIEW_PATH = "/simulator/cartesia/voices/{voice_id}.wav"
_MOST = 100

VOICES = by_id(
    Voice("f786b574-daa5-4673-aa0c-cbe3e8534c02", "Katie", "female", "american", "Friendly fixer.", "katie-low"),
    Voice("228fca29-3a0a-435c-8728-5cb483251068", "Kiefer", "male", "american", "Assured adviser.", "kiefer-warm"),
    Voice("6ccbfb76-1fc6-48f7-b71d-91ac6298247b", "Tessa", "female", "american", "Kind companion.", "tessa-calm"),
    Voice("c961b81c-a935-4c17-bfb3-ba2239de8c2f", "Kyle", "male", "american", "Approachable friend.", "kyle-warm"),
)
"""Ids and names are those that Cartesia recommends for agents: with a real account a persona keeps its voice."""

_GENDERS = {"female": "feminine", "male": "masculine"}
_COUNTRIES = {"american": "US", "british": "GB"}


def speaker_of(voice_id: str) -> str:
    """The local engine's name for a voice."""
    return speaker_among(VOICES, voice_id)


async def list_voices(request: web.Request) -> web.Response:
    """GET /voices: a page of the voices, which q, gender and is_owner narrow."""
    check_headers(request)
    limit = request.query.get("limit", "10")
    if not limit.isdigit() or not 1 <= int(limit) <= _MOST:
        raise json_error(400, cartesia_error("Invalid limit", f"limit is {limit!r}: it must be 1 to {_MOST}."))
    found = [voice for voice in VOICES.values() if _matches(request, voice)]
    ids = [voice.voice_id for voice in found]
    after = request.query.get("starting_after")
    start = ids.index(after) + 1 if after in ids else 0
    page = found[start : start + int(limit)]
    more = start + len(page) < len(found)
    next_page = page[-1].voice_id if more else None
    data = [_describe(request, voice) for voice in page]
    return web.json_response({"data": data, "has_more": more, "next_page": next_page})


async def get_voice(request: web.Request) -> web.Response:
    """GET /voices/{voice_id}."""
    check_headers(request)
    return web.json_response(_describe(request, _find(request)))


async def preview(request: web.Request) -> web.Response:
    """A sample of a voice. It needs the key, as the real previews do."""
    check_headers(request)
    return await sample(request.app[WORLD], _find(request))


def _matches(request: web.Request, voice: Voice) -> bool:
    term = request.query.get("q", "").lower()
    gender = request.query.get("gender")
    owned = request.query.get("is_owner") == "true"
    words = f"{voice.voice_id} {voice.name} {voice.description}".lower()
    return term in words and gender in (None, _GENDERS[voice.gender]) and not owned


def _describe(request: web.Request, voice: Voice) -> dict[str, Any]:
    description = {
        "id": voice.voice_id,
        "is_owner": False,
        "is_public": True,
        "name": voice.name,
        "description": voice.description,
        "gender": _GENDERS[voice.gender],
        "language": "en",
        "country": _COUNTRIES[voice.accent],
        "created_at": "2025-10-27T00:00:00Z",
    }
    if "preview_file_url" in request.query.getall("expand[]", []):
        path = PREVIEW_PATH.format(voice_id=voice.voice_id)
        description["preview_file_url"] = f"{request.scheme}://{request.host}{path}"
    return description


def _find(request: web.Request) -> Voice:
    voice_id = request.match_info["voice_id"]
    if voice_id not in VOICES:
        raise json_error(404, cartesia_error("Voice not found", f"There is no voice with the ID {voice_id}."))
    return VOICES[voice_id]
