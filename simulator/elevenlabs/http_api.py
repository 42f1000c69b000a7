"""ElevenLabs' text to speech over HTTP: whole or streamed, with or without the times of the characters.

Protocol: elevenlabs.io/docs/api-reference/text-to-speech (convert, stream, and both with timestamps).
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from itertools import accumulate
from typing import Any

from aiohttp import web

from simulator.elevenlabs.speaking import Chunk, speak
from simulator.elevenlabs.voices import check_key, elevenlabs_error
from simulator.faults import Connection, Fault
from simulator.speech.audio import UnsupportedFormat, content_type
from simulator.speech.synthesis import SynthesisError
from simulator.wire import GARBAGE, admit, cut, json_error, model_of
from simulator.world import WORLD, World

_LONGEST_TEXT = 40_000
"""Characters in a request to the Flash models: elevenlabs.io/docs/models."""


def admit_speaker(request: web.Request) -> Fault | None:
    """Check the API key and the faults of a text-to-speech request."""
    check_key(request)
    busy = elevenlabs_error("too_many_concurrent_requests", "Too many concurrent requests for your subscription.")
    return admit(request, "tts", busy, elevenlabs_error("internal_server_error", "The server had an error."))


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


class _Job:
    """A checked request."""

    def __init__(self, request: web.Request, world: World, connection: Connection, text: str) -> None:
        self.voice_id = request.match_info["voice_id"]
        self.output_format = request.query.get("output_format", "mp3_44100_128")
        self.media_type = content_type(self.output_format)
        self.text = text
        self._world = world
        self._connection = connection

    async def chunks(self) -> AsyncIterator[Chunk]:
        """The utterance, or nothing when the active fault takes its audio."""
        async for chunk in speak(self._world, self.voice_id, self.text, self.output_format):
            if self._connection.hanging:
                await asyncio.Event().wait()
            if not self._connection.no_audio:
                yield chunk


async def _serve(request: web.Request, make: Any) -> web.StreamResponse:
    world = request.app[WORLD]
    world.count("tts", "http")
    fault = admit_speaker(request)
    text = await _text(request)
    connection = world.faults.open("tts", model_of(request), fault, lambda: cut(request))
    try:
        if connection.hanging:
            await asyncio.Event().wait()
        if connection.garbage:
            return web.Response(text=GARBAGE, content_type="text/html")
        try:
            job = _Job(request, world, connection, text)
        except UnsupportedFormat as error:
            raise json_error(400, elevenlabs_error("invalid_output_format", str(error))) from error
        response: web.StreamResponse = await make(request, job)
        return response
    except SynthesisError as error:
        raise json_error(500, elevenlabs_error("internal_server_error", str(error))) from error
    except ConnectionError:
        # the client was interrupted and has gone
        return web.Response()
    finally:
        world.faults.close(connection)


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


async def _whole(_request: web.Request, job: _Job) -> web.StreamResponse:
    body = b"".join([chunk.audio async for chunk in job.chunks()])
    return web.Response(body=body, headers={"Content-Type": job.media_type})


async def _audio(request: web.Request, job: _Job) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": job.media_type})
    await response.prepare(request)
    async for chunk in job.chunks():
        await response.write(chunk.audio)
    await response.write_eof()
    return response


async def _timed(request: web.Request, job: _Job) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    offset_s = 0.0
    async for chunk in job.chunks():
        await response.write(json.dumps(_timed_chunk(chunk, offset_s)).encode() + b"\n")
        offset_s += chunk.seconds
    await response.write_eof()
    return response


async def _timed_whole(_request: web.Request, job: _Job) -> web.StreamResponse:
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
