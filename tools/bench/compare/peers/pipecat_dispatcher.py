"""Starts a process of pipecat_bot.py for each caller, on LiveKit's webhook: what a user of Pipecat has to write.

Run in Pipecat's environment. It listens where the webhooks go, BENCH_PORT on loopback.
"""

import asyncio
import os
import sys
from pathlib import Path

from aiohttp import web
from livekit import api

BOT = str(Path(__file__).with_name("pipecat_bot.py"))
receiver = api.WebhookReceiver(api.TokenVerifier())
bots: set[asyncio.Task] = set()


async def webhook(request: web.Request) -> web.Response:
    """Start a bot when a caller has joined a room."""
    event = receiver.receive(await request.text(), request.headers["Authorization"])
    if event.event == "participant_joined" and event.participant.kind == api.ParticipantInfo.Kind.SIP:
        task = asyncio.create_task(_run_bot(event.room.name))
        bots.add(task)
        task.add_done_callback(bots.discard)
    return web.Response()


async def _run_bot(room: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, BOT, room)
    await process.wait()


async def health(_request: web.Request) -> web.Response:
    """Answer: the dispatcher is up."""
    return web.Response()


app = web.Application()
app.add_routes([web.post("/webhooks/livekit", webhook), web.get("/health", health)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), print=None, access_log=None)
