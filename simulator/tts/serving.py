"""How every simulated voice answers over HTTP, and what a fault makes of an utterance."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from simulator.faults import Connection, Fault, Target
from simulator.speech.synthesis import SynthesisError
from simulator.tts.speaking import Chunk
from simulator.wire import GARBAGE, cut, json_error
from simulator.world import WORLD


async def serve(
    request: web.Request,
    target: Target,
    fault: Fault | None,
    answer: Callable[[Connection], Awaitable[web.StreamResponse]],
    server_error: Callable[[str], Mapping[str, Any]],
) -> web.StreamResponse:
    """Answer a request that was let in, as the fault says or with `answer`.

    `server_error` makes the body of the vendor's error, if no speech can be made.
    """
    world = request.app[WORLD]
    connection = world.faults.open(target, fault, lambda: cut(request))
    try:
        if connection.hanging:
            await asyncio.Event().wait()
        if connection.garbage:
            return web.Response(text=GARBAGE, content_type="text/html")
        return await answer(connection)
    except SynthesisError as error:
        raise json_error(500, server_error(str(error))) from error
    except ConnectionError:
        # the client was interrupted and has gone
        return web.Response()
    finally:
        world.faults.close(connection)


async def heard(connection: Connection, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
    """The chunks of an utterance, or those that the active fault leaves."""
    async for chunk in chunks:
        if connection.hanging:
            await asyncio.Event().wait()
        if not connection.no_audio:
            yield chunk
