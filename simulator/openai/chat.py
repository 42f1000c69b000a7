"""The OpenAI chat completions API: scripted by the active scenario, or forwarded to a real model.

Protocol: platform.openai.com/docs/api-reference/chat (streaming events) and the types of openai 3.54.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from simulator.faults import Connection, Fault
from simulator.openai.scripted_llm import Answer, answer, text_of
from simulator.wire import GARBAGE, REFUSED_KEY, admit, cut, json_error
from simulator.world import WORLD, World

MODELS = ("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini")
_UPSTREAM_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=5)


def openai_error(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """The body of OpenAI's HTTP errors."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _admit(request: web.Request, model: str = "") -> Fault | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() == REFUSED_KEY:
        raise json_error(401, openai_error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"))
    limit = openai_error("Rate limit reached.", "requests", "rate_limit_exceeded")
    return admit(request, "llm", limit, openai_error("The server had an error.", "server_error"), model)


async def models(request: web.Request) -> web.Response:
    """List the models."""
    _admit(request)
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in MODELS]
    return web.json_response({"object": "list", "data": listed})


async def completions(request: web.Request) -> web.StreamResponse:
    """Answer a chat, as a stream of events or at once."""
    world = request.app[WORLD]
    world.count("llm", "completions")
    body = await _body(request)
    fault = _admit(request, body["model"])
    world.requests.llm_bodies.append(body)
    connection = world.faults.open("llm", body["model"], fault, lambda: cut(request))
    try:
        if connection.hanging:
            await asyncio.Event().wait()
        if connection.garbage and body.get("stream"):
            return web.Response(text=f"data: {GARBAGE}\n\n", content_type="text/event-stream")
        if connection.garbage:
            return web.Response(text=GARBAGE, content_type="text/html")
        if world.settings.llm_url:
            return await _forward(request, world, body)
        return await _script(request, world, body, connection)
    finally:
        world.faults.close(connection)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise json_error(400, openai_error("The body is not a JSON object.", "invalid_request_error"))
    for field, kind in (("model", str), ("messages", list)):
        if not isinstance(body.get(field), kind) or not body[field]:
            message = f"Missing required parameter: '{field}'."
            raise json_error(400, openai_error(message, "invalid_request_error", "missing_required_parameter"))
    return body


async def _script(
    request: web.Request, world: World, body: Mapping[str, Any], connection: Connection
) -> web.StreamResponse:
    reply = answer(world.scenario.agent, body)
    completion = Completion(body, reply)
    await asyncio.sleep(world.profile.llm_first_token.sample_s(world.rng))
    if not body.get("stream"):
        await asyncio.sleep(world.profile.llm_token_gap_ms / 1000 * completion.tokens)
        return web.json_response(completion.whole())
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    try:
        for chunk in completion.chunks():
            if connection.hanging:
                await asyncio.Event().wait()
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if world.profile.llm_token_gap_ms:
                await asyncio.sleep(world.profile.llm_token_gap_ms / 1000)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
    except ConnectionError:
        # the client was interrupted and has gone
        return response
    return response


class Completion:
    """One scripted answer in the API's shapes."""

    def __init__(self, body: Mapping[str, Any], reply: Answer) -> None:
        self._reply = reply
        self._model = body["model"]
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._pieces = re.findall(r"\S+\s*", reply.say)
        self._arguments = json.dumps(reply.call.arguments) if reply.call else ""
        self._call_id = f"call_{uuid.uuid4().hex[:24]}"
        prompt = " ".join(text_of(message.get("content")) for message in body["messages"])
        # about four characters a token in English: help.openai.com, "What are tokens and how to count them?"
        self._prompt_tokens = len(prompt) // 4 + 4 * len(body["messages"])

    @property
    def tokens(self) -> int:
        """How many pieces the answer has."""
        return len(self._pieces) + len(self._arguments) // 4

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        message: dict[str, Any] = {"role": "assistant", "content": self._reply.say or None}
        if self._reply.call:
            function = {"name": self._reply.call.name, "arguments": self._arguments}
            message["tool_calls"] = [{"id": self._call_id, "type": "function", "function": function}]
        choice = {"index": 0, "message": message, "finish_reason": self._finish(), "logprobs": None}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": self._usage()}

    def chunks(self) -> list[dict[str, Any]]:
        """The answer as the events of a stream."""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": piece} for piece in self._pieces]
        if self._reply.call:
            function: dict[str, str] = {"name": self._reply.call.name, "arguments": ""}
            deltas.append({"tool_calls": [{"index": 0, "id": self._call_id, "type": "function", "function": function}]})
            deltas += [
                {"tool_calls": [{"index": 0, "function": {"arguments": self._arguments[i : i + 8]}}]}
                for i in range(0, len(self._arguments), 8)
            ]
        chunks = [self._chunk(delta) for delta in deltas]
        chunks.append(self._chunk({}, self._finish()))
        if self._with_usage:
            chunks.append({**self._frame("chat.completion.chunk"), "choices": [], "usage": self._usage()})
        return chunks

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return {**self._frame("chat.completion.chunk"), "choices": [choice]}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}

    def _finish(self) -> str:
        return "tool_calls" if self._reply.call else "stop"

    def _usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": self._prompt_tokens + self.tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


async def _forward(request: web.Request, world: World, body: dict[str, Any]) -> web.StreamResponse:
    url = f"{world.settings.llm_url.rstrip('/')}/chat/completions"
    if world.settings.llm_model:
        body = {**body, "model": world.settings.llm_model}
    headers = {"Authorization": request.headers["Authorization"]}
    try:
        async with (
            aiohttp.ClientSession(timeout=_UPSTREAM_TIMEOUT) as session,
            session.post(url, json=body, headers=headers) as upstream,
        ):
            media_type = upstream.headers.get("Content-Type", "application/json")
            response = web.StreamResponse(status=upstream.status, headers={"Content-Type": media_type})
            await response.prepare(request)
            async for data in upstream.content.iter_any():
                await response.write(data)
            await response.write_eof()
            return response
    except aiohttp.ClientConnectorError as error:
        message = f"SIMULATOR_LLM_URL {world.settings.llm_url} cannot be reached: {error.strerror or error}"
        raise json_error(502, openai_error(message, "server_error")) from error
