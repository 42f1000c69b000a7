"""The simulator's web application, and how to run it inside another program."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from simulator import control
from simulator.anthropic import messages, models
from simulator.assemblyai import streaming
from simulator.cartesia import http_api as cartesia_http
from simulator.cartesia import voices as cartesia_voices
from simulator.cartesia import websocket as cartesia_websocket
from simulator.deepgram import flux, nova
from simulator.elevenlabs import http_api, voices, websocket
from simulator.llm.offline.embedding import EmbeddingError
from simulator.openai import chat
from simulator.speech.synthesis import SynthesisError
from simulator.tts.speaking import rehearse
from simulator.world import DEFAULT_HOST, WORLD, Settings, World

log = logging.getLogger(__name__)

_SHUTDOWN_S = 0.2
"""Websockets of clients that do not close are cut after this long."""


def create_app(settings: Settings) -> web.Application:
    """Make the application of all providers. Raises ScenarioError when the scenarios cannot be used."""
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app[WORLD] = World(settings)
    speech = "/v1/text-to-speech/{voice_id}"
    app.add_routes(
        [
            web.get("/health", control.health),
            web.get("/control/faults", control.get_faults),
            web.put("/control/faults", control.put_fault),
            web.delete("/control/faults", control.delete_faults),
            web.put("/control/scenario", control.put_scenario),
            web.put("/control/profile", control.put_profile),
            web.get("/control/requests", control.get_requests),
            web.get("/v1/listen", nova.listen),
            web.get("/v2/listen", flux.listen),
            web.get("/v3/ws", streaming.listen),
            web.get(f"{speech}/multi-stream-input", websocket.multi_stream_input),
            web.post(speech, http_api.convert),
            web.post(f"{speech}/with-timestamps", http_api.convert_with_timestamps),
            web.post(f"{speech}/stream", http_api.stream),
            web.post(f"{speech}/stream/with-timestamps", http_api.stream_with_timestamps),
            web.get("/v1/voices", voices.list_all),
            web.get("/v2/voices", voices.search),
            web.get("/v1/voices/{voice_id}", voices.get),
            web.get(voices.PREVIEW_PATH, voices.preview),
            web.get("/tts/websocket", cartesia_websocket.speak),
            web.post("/tts/bytes", cartesia_http.generate_bytes),
            web.post("/tts/sse", cartesia_http.generate_events),
            web.get("/voices", cartesia_voices.list_voices),
            web.get("/voices/", cartesia_voices.list_voices),
            web.get("/voices/{voice_id}", cartesia_voices.get_voice),
            web.get(cartesia_voices.PREVIEW_PATH, cartesia_voices.preview),
            web.get("/v1/models", list_models),
            web.get("/v1/models/{model_id}", models.get_model),
            web.post("/v1/messages", messages.create),
            web.post("/v1/chat/completions", chat.completions),
        ]
    )
    return app


async def list_models(request: web.Request) -> web.Response:
    """GET /v1/models, which OpenAI and Anthropic both have: only Anthropic's clients send a version."""
    return await (models.list_models(request) if "anthropic-version" in request.headers else chat.models(request))


async def _start_engines(world: World) -> None:
    """Load what hears, thinks and speaks, so that the first caller does not wait for it. A failure is logged."""
    try:
        if world.scenario.agent.from_prompt:
            await world.brain.warm_up()
        if world.settings.speech == "local":
            speaker = next(iter(voices.VOICES.values())).speaker
            await asyncio.gather(world.recognizer.warm_up(), rehearse(world, speaker))
        world.ready = True
    except EmbeddingError as error:
        log.error("prompts cannot be read: %s", error)
    except SynthesisError as error:
        log.error("speech cannot be made: %s", error)


@asynccontextmanager
async def running_simulator(**settings: Any) -> AsyncIterator[str]:
    """Run a simulator in this event loop, and give its base URL, such as http://127.0.0.1:41234 (without a slash).

    The settings are those of simulator.world.Settings; without them: a free port, scripted speech, no delays, seed 0.
    Raises OSError when the port is in use.
    """
    defaults: dict[str, Any] = {"port": 0, "speech": "scripted", "profile": "none", "seed": 0}
    async with serving(Settings(**{**defaults, **settings})) as port:
        yield f"http://{DEFAULT_HOST}:{port}"


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """Serve, and give the port. Raises OSError when it is in use, ScenarioError for a wrong scenario."""
    app = create_app(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        # not before the port is ours: a process that cannot serve starts no engines
        warm_up = asyncio.create_task(_start_engines(app[WORLD]))
        try:
            yield int(runner.addresses[0][1])
        finally:
            warm_up.cancel()
            with suppress(asyncio.CancelledError):
                await warm_up
    finally:
        await runner.cleanup()
        app[WORLD].close()
