"""Passing a chat on to a real model, and its answer back."""

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from simulator.wire import json_error
from simulator.world import WORLD

_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=5)


async def forward(
    request: web.Request,
    body: dict[str, Any],
    path: str,
    headers: tuple[str, ...],
    server_error: Callable[[str], Mapping[str, Any]],
) -> web.StreamResponse:
    """Post the body to `path` below SIMULATOR_LLM_URL, with those of the request's `headers` that it has.

    `server_error` makes the body of the vendor's error, if the model cannot be reached.
    """
    settings = request.app[WORLD].settings
    if settings.llm_model:
        body = {**body, "model": settings.llm_model}
    passed = {name: request.headers[name] for name in headers if name in request.headers}
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(f"{settings.llm_url.rstrip('/')}/{path}", json=body, headers=passed) as upstream,
        ):
            media_type = upstream.headers.get("Content-Type", "application/json")
            response = web.StreamResponse(status=upstream.status, headers={"Content-Type": media_type})
            await response.prepare(request)
            async for data in upstream.content.iter_any():
                await response.write(data)
            await response.write_eof()
            return response
    except aiohttp.ClientConnectorError as error:
        message = f"SIMULATOR_LLM_URL {settings.llm_url} cannot be reached: {error.strerror or error}"
        raise json_error(502, server_error(message)) from error
