"""Cartesia's text to speech over HTTP: as bytes, or as server-sent events with the times of the words.

Protocol: docs.cartesia.ai/api-reference/tts/bytes and /sse.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.cartesia.events import chunk_event, done_event, words_event
from simulator.cartesia.requests import (
    NOTHING_TO_SAY,
    Generation,
    InvalidRequest,
    admit_speaker,
    cartesia_error,
    check_headers,
    is_speakable,
    parse_generation,
    server_error,
)
from simulator.cartesia.voices import speaker_of
from simulator.faults import Connection, Target
from simulator.tts.serving import heard, serve
from simulator.tts.speaking import Chunk, speak
from simulator.wire import json_error
from simulator.world import WORLD


@dataclass(frozen=True)
class _Job:
    """A checked request."""

    request: web.Request
    generation: Generation
    connection: Connection

    def chunks(self) -> AsyncIterator[Chunk]:
        """The utterance, as far as it is heard."""
        world, generation = self.request.app[WORLD], self.generation
        speaker, audio_format = speaker_of(generation.voice_id), generation.output_format.audio
        first_audio = world.profile.cartesia_first_audio
        return heard(self.connection, speak(world, speaker, generation.transcript, audio_format, first_audio))


async def generate_bytes(request: web.Request) -> web.StreamResponse:
    """POST /tts/bytes: audio as it is made."""
    return await _serve(request, "bytes", ("raw", "wav", "mp3"), _bytes)


async def generate_events(request: web.Request) -> web.StreamResponse:
    """POST /tts/sse: audio and words as server-sent events."""
    return await _serve(request, "sse", ("raw",), _events)


async def _serve(
    request: web.Request,
    kind: str,
    containers: tuple[str, ...],
    make: Callable[[_Job], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    request.app[WORLD].count("tts", kind)
    check_headers(request)
    try:
        generation = parse_generation(await _document(request), containers)
        if not is_speakable(generation.transcript):
            raise InvalidRequest(NOTHING_TO_SAY, "transcript is empty or contains only punctuation")
    except InvalidRequest as error:
        raise json_error(400, cartesia_error(error.title, str(error))) from error
    target = Target("tts", "cartesia", generation.model_id)
    return await serve(
        request,
        target,
        fault=admit_speaker(request, target),
        answer=lambda connection: make(_Job(request, generation, connection)),
        server_error=server_error,
    )


async def _document(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None


async def _bytes(job: _Job) -> web.StreamResponse:
    output_format = job.generation.output_format
    response = web.StreamResponse(headers={"Content-Type": output_format.media_type})
    await response.prepare(job.request)
    if header := output_format.header():
        await response.write(header)
    async for chunk in job.chunks():
        await response.write(chunk.audio)
    await response.write_eof()
    return response


async def _events(job: _Job) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(job.request)
    async for chunk in job.chunks():
        await response.write(_encode(chunk_event(chunk)))
        if job.generation.with_words and chunk.words:
            await response.write(_encode(words_event(chunk.words, offset_s=0.0)))
    await response.write(_encode(done_event()))
    await response.write_eof()
    return response


def _encode(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
