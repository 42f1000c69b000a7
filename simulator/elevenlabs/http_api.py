"""ElevenLabs' text to speech over HTTP: whole or streamed, with or without the times of the characters.

Protocol: elevenlabs.io/docs/api-reference/text-to-speech (convert, stream, and both with timestamps).
"""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from aiohttp import web

from simulator.elevenlabs.formats import content_type, parse_output_format
from simulator.elevenlabs.voices import check_key, elevenlabs_error, speaker_of
from simulator.faults import Connection, Fault, Target
from simulator.speech.audio import AudioFormat, UnsupportedFormat
from simulator.tts.serving import heard, serve
from simulator.tts.speaking import Chunk, speak
from simulator.wire import admit, json_error, model_of
from simulator.world import WORLD

_LONGEST_TEXT = 40_000
"""Characters in a request to the Flash models: elevenlabs.io/docs/models."""


def target_of(request: web.Request) -> Target:
    """What a text-to-speech request asks for. Over HTTP the model stands in the body, and is not looked at."""
    return Target("tts", "elevenlabs", model_of(request))


def admit_speaker(request: web.Request) -> Fault | None:
    """Check the API key and the faults of a text-to-speech request."""
    check_key(request)
    busy = elevenlabs_error("too_many_concurrent_requests", "Too many concurrent requests for your subscription.")
    return admit(request, target_of(request), busy, _server_error("The server had an error."))


def _server_error(message: str) -> dict[str, Any]:
    return elevenlabs_error("internal_server_error", message)


async def convert(request: web.Request) -> web.StreamResponse:
    """POST /v1/text-to-speech/{voice_id}: the whole utterance as one file."""
    return await _serve(request, _whole)


async def stream(request: web.Request) -> web.StreamResponse:
    """POST /v1/text-to-speech/{voice_id}/stream: audio as it is made."""
    return await _serve(request, _audio)


async def convert_with_timestamps(request: web.Request) -> web.StreamResponse:
    """POST /v1/text-to-speech/{voice_id}/with-timestamps: the whole utterance as one JSON object."""
    return await _serve(request, _timed_whole)


async def stream_with_timestamps(request: web.Request) -> web.StreamResponse:
    """POST /v1/text-to-speech/{voice_id}/stream/with-timestamps: lines of JSON."""
    return await _serve(request, _timed)


@dataclass(frozen=True)
class _Job:
    """A checked request."""

    request: web.Request
    text: str
    audio_format: AudioFormat
    connection: Connection

    def chunks(self) -> AsyncIterator[Chunk]:
        """The utterance, as far as it is heard."""
        world = self.request.app[WORLD]
        speaker = speaker_of(self.request.match_info["voice_id"])
        first_audio = world.profile.elevenlabs_first_audio
        return heard(self.connection, speak(world, speaker, self.text, self.audio_format, first_audio))


async def _serve(request: web.Request, make: Callable[[_Job], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    request.app[WORLD].count("tts", "http")
    fault = admit_speaker(request)
    text = await _text(request)
    try:
        audio_format = parse_output_format(request.query.get("output_format", "mp3_44100_128"))
    except UnsupportedFormat as error:
        raise json_error(400, elevenlabs_error("invalid_output_format", str(error))) from error
    return await serve(
        request,
        target_of(request),
        fault,
        answer=lambda connection: make(_Job(request, text, audio_format, connection)),
        server_error=_server_error,
    )


async def _text(request: web.Request) -> str:
    try:
        body = await request.json()
    except ValueError:
        body = None
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_TEXT:
        problem = {
            "type": "missing",
            "loc": ["body", "text"],
            "msg": f"Text of 1 to {_LONGEST_TEXT} characters required",
        }
        raise json_error(422, {"detail": [problem]})
    return text


async def _whole(job: _Job) -> web.StreamResponse:
    body = b"".join([chunk.audio async for chunk in job.chunks()])
    return web.Response(body=body, headers={"Content-Type": content_type(job.audio_format)})


async def _audio(job: _Job) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type(job.audio_format)})
    await response.prepare(job.request)
    async for chunk in job.chunks():
        await response.write(chunk.audio)
    await response.write_eof()
    return response


async def _timed(job: _Job) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(job.request)
    offset_s = 0.0
    async for chunk in job.chunks():
        await response.write(json.dumps(_timed_chunk(chunk, offset_s)).encode() + b"\n")
        offset_s += chunk.seconds
    await response.write_eof()
    return response


async def _timed_whole(job: _Job) -> web.StreamResponse:
    chunks = [chunk async for chunk in job.chunks()]
    if not chunks:
        return web.json_response({"audio_base64": "", "alignment": None, "normalized_alignment": None})
    offsets_ms = accumulate((round(chunk.seconds * 1000) for chunk in chunks), initial=0)
    starts = [offset + start for chunk, offset in zip(chunks, offsets_ms, strict=False) for start in chunk.starts_ms]
    whole = Chunk(
        audio=b"".join(chunk.audio for chunk in chunks),
        seconds=sum(chunk.seconds for chunk in chunks),
        chars=[char for chunk in chunks for char in chunk.chars],
        starts_ms=starts,
        durations_ms=[duration for chunk in chunks for duration in chunk.durations_ms],
        words=[word for chunk in chunks for word in chunk.words],
    )
    return web.json_response(_timed_chunk(whole, 0.0))


def _timed_chunk(chunk: Chunk, offset_s: float) -> dict[str, Any]:
    starts = [round(offset_s + start / 1000, 3) for start in chunk.starts_ms]
    ends = [round(start + length / 1000, 3) for start, length in zip(starts, chunk.durations_ms, strict=True)]
    alignment = {
        "characters": chunk.chars,
        "character_start_times_seconds": starts,
        "character_end_times_seconds": ends,
    }
    return {
        "audio_base64": base64.b64encode(chunk.audio).decode(),
        "alignment": alignment,
        "normalized_alignment": alignment,
    }
