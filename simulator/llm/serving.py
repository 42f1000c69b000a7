"""How every simulated language model answers over HTTP: with delays and faults, whole or as a stream of events."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web

from simulator.faults import Connection, Fault, Target
from simulator.profiles import TextDelays
from simulator.wire import GARBAGE, cut
from simulator.world import WORLD

EVENT_STREAM = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


class Reply(Protocol):
    """An answer in a vendor's shapes."""

    @property
    def tokens(self) -> int:
        """How many tokens it has."""
        ...

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        ...

    def bursts(self) -> list[bytes]:
        """The answer as server-sent events; a token's time lies between one burst and the next."""
        ...


async def serve(
    request: web.Request,
    body: dict[str, Any],
    target: Target,
    fault: Fault | None,
    delays: TextDelays,
    answer: Callable[[], Awaitable[Reply]],
    forward: Callable[[], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Answer a chat that was let in: as the fault says, by a real model if one is set, or with our own `answer`."""
    world = request.app[WORLD]
    world.requests.llm_bodies.append(body)
    connection = world.faults.open(target, fault, lambda: cut(request))
    try:
        if connection.hanging:
            await asyncio.Event().wait()
        if connection.garbage and body.get("stream"):
            return web.Response(body=_without_json((await answer()).bursts()), content_type="text/event-stream")
        if connection.garbage:
            return web.Response(text=GARBAGE, content_type="text/html")
        if world.settings.llm_url:
            return await forward()
        reply = await answer()
        await asyncio.sleep(delays.first_token.sample_s(world.rng))
        if body.get("stream"):
            return await _stream(request, reply, delays.token_gap_ms / 1000, connection)
        await asyncio.sleep(delays.token_gap_ms / 1000 * reply.tokens)
        return web.json_response(reply.whole())
    finally:
        world.faults.close(connection)


def _without_json(bursts: list[bytes]) -> bytes:
    """The events of an answer, but no client can read what stands in them."""
    return re.sub(rb"(?m)^data: .*$", f"data: {GARBAGE}".encode(), b"".join(bursts))


async def _stream(request: web.Request, reply: Reply, gap_s: float, connection: Connection) -> web.StreamResponse:
    response = web.StreamResponse(headers=EVENT_STREAM)
    await response.prepare(request)
    try:
        for burst in reply.bursts():
            if connection.hanging:
                await asyncio.Event().wait()
            await response.write(burst)
            if gap_s:
                await asyncio.sleep(gap_s)
        await response.write_eof()
    except ConnectionError:
        # the client was interrupted and has gone
        return response
    return response
