"""The voices of the simulated ElevenLabs account, and the pages that list them.

Protocol: elevenlabs.io/docs/api-reference/voices, as elevenlabs 2.78 reads it.
"""

from typing import Any

from aiohttp import web

from simulator.tts.voices import Voice, by_id, sample, speaker_among
from simulator.wire import REFUSED_KEY, json_error
from simulator.world import WORLD

PREVIEW_PATH = "/simulator/voices/{voice_id}.wav"

VOICES = by_id(
    Voice("EXAVITQu4vr4xnSDxMaL", "Sarah", "female", "american", "Warm; good for a reception desk.", "sarah-deep"),
    Voice("Xb7hH8MSUJpSbSDYk0k2", "Alice", "female", "british", "Clear; good for information lines.", "alice-clear"),
    Voice("JBFqnCBsd6RMkjVDRZzb", "George", "male", "british", "Calm; good for support.", "george-clear"),
    Voice("nPczCjzI2devNBz1zQrb", "Brian", "male", "american", "Lively; good for bookings.", "brian-bright"),
)
"""Ids and names are those of ElevenLabs' own premade voices: with a real account a persona keeps its voice."""


def speaker_of(voice_id: str) -> str:
    """The local engine's name for a voice."""
    return speaker_among(VOICES, voice_id)


def elevenlabs_error(status: str, message: str) -> dict[str, Any]:
    """The body of ElevenLabs' HTTP errors."""
    return {"detail": {"status": status, "message": message}}


def check_key(request: web.Request) -> None:
    """HTTP 401 without a key: in the header xi-api-key, or for websockets in the query."""
    key = request.headers.get("xi-api-key") or request.query.get("xi_api_key") or request.query.get("single_use_token")
    if not key:
        raise json_error(
            401, elevenlabs_error("needs_authorization", "Neither authorization header nor xi-api-key given.")
        )
    if key == REFUSED_KEY:
        raise json_error(401, elevenlabs_error("invalid_api_key", "Invalid API key"))


def _describe(request: web.Request, voice: Voice) -> dict[str, Any]:
    return {
        "voice_id": voice.voice_id,
        "name": voice.name,
        "category": "premade",
        "description": voice.description,
        "labels": {"gender": voice.gender, "accent": voice.accent, "language": "en", "use_case": "conversational"},
        "preview_url": f"{request.scheme}://{request.host}{PREVIEW_PATH.format(voice_id=voice.voice_id)}",
        "samples": None,
        "settings": None,
        "available_for_tiers": [],
        "high_quality_base_model_ids": ["eleven_flash_v2_5"],
        "is_owner": False,
        "is_legacy": False,
    }


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/voices."""
    check_key(request)
    return web.json_response({"voices": [_describe(request, voice) for voice in VOICES.values()]})


async def search(request: web.Request) -> web.Response:
    """GET /v2/voices: search in names and descriptions, by ids, and by page."""
    check_key(request)
    term = request.query.get("search", "").lower()
    ids = request.query.getall("voice_ids", [])
    found = [
        voice
        for voice in VOICES.values()
        if term in f"{voice.name} {voice.description} {voice.gender} {voice.accent}".lower()
        and (not ids or voice.voice_id in ids)
    ]
    size = min(max(int(request.query.get("page_size", "10")), 1), 100)
    start = int(request.query.get("next_page_token") or 0)
    more = start + size < len(found)
    page = [_describe(request, voice) for voice in found[start : start + size]]
    token = str(start + size) if more else None
    return web.json_response({"voices": page, "has_more": more, "total_count": len(found), "next_page_token": token})


async def get(request: web.Request) -> web.Response:
    """GET /v1/voices/{voice_id}."""
    check_key(request)
    return web.json_response(_describe(request, _find(request.match_info["voice_id"])))


async def preview(request: web.Request) -> web.Response:
    """A sample of a voice. No key is needed, as with the real previews."""
    return await sample(request.app[WORLD], _find(request.match_info["voice_id"]))


def _find(voice_id: str) -> Voice:
    if voice_id not in VOICES:
        problem = f"A voice with the voice_id {voice_id} was not found."
        raise json_error(404, elevenlabs_error("voice_not_found", problem))
    return VOICES[voice_id]
