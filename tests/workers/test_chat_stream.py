"""A streamed reply by the short way holds what the openai package makes of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from openai import NOT_GIVEN, APIError, APIStatusError, AsyncOpenAI
from openai.resources.chat.completions.completions import AsyncCompletions

from workers.providers.openai.chat_stream import Completions, Words

REQUEST: dict[str, Any] = {
    "model": "gpt-4.1-mini",
    "messages": [
        {"role": "system", "content": "You sell bread."},
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}],
        },
        {"role": "user", "content": [{"type": "text", "text": "hello"}]},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
    "tool_choice": "auto",
    "temperature": NOT_GIVEN,
    "stream": True,
    "stream_options": {"include_usage": True},
}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 1}}
CALL = {"index": 0, "id": "call", "type": "function", "function": {"name": "end_call", "arguments": "{}"}}


def _chunk(usage: Any = None, **delta: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": None}] if not usage else []
    about = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-mini-2025-04-14"}
    return {**about, "choices": choices, "usage": usage}


REPLY = [_chunk(role="assistant", content=""), _chunk(content="We are"), _chunk(content=" open."), _chunk()]


class Provider:
    """Answers every request with these chunks."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self.chunks: list[dict[str, Any]] = []
        self.status = 200
        self.asked: list[tuple[str | None, Any]] = []
        self.client = client

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.headers.get("Authorization"), await request.json()))
        response = web.StreamResponse(status=self.status, headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in self.chunks:
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def _provider() -> AsyncIterator[Provider]:
    provider = Provider(AsyncOpenAI(api_key="key", base_url="http://unknown", max_retries=0))
    app = web.Application()
    app.router.add_post("/chat/completions", provider.answer)
    async with TestServer(app) as server, provider.client:
        provider.client.base_url = str(server.make_url("/"))
        yield provider


async def _read(completions: AsyncCompletions) -> list[tuple[Any, ...]]:
    """What Pipecat reads of a reply."""
    read: list[tuple[Any, ...]] = []
    async for chunk in await completions.create(**REQUEST):
        delta = chunk.choices[0].delta if chunk.choices else None
        calls = [(call.index, call.id, call.function) for call in (delta.tool_calls or [])] if delta else None
        read.append((chunk.model, delta and (delta.content, calls), chunk.usage))
    return read


@pytest.mark.parametrize(
    "chunks",
    [[*REPLY, _chunk(USAGE)], [_chunk(content="Goodbye."), _chunk(tool_calls=[CALL]), _chunk(USAGE)], []],
    ids=["words", "tool", "nothing"],
)
async def test_a_reply_reads_as_the_package_gives_it(chunks: list[dict[str, Any]]) -> None:
    async with _provider() as provider:
        provider.chunks = chunks
        ours = await _read(Completions(provider.client))
        theirs = await _read(AsyncCompletions(provider.client))
        assert ours == theirs
        assert len(ours) == len(chunks)


async def test_the_request_is_the_one_that_the_package_sends() -> None:
    async with _provider() as provider:
        for completions in (Completions(provider.client), AsyncCompletions(provider.client)):
            await _read(completions)
        assert provider.asked[0] == provider.asked[1]


async def test_words_are_read_without_the_packages_objects() -> None:
    async with _provider() as provider:
        provider.chunks = REPLY
        kinds = [
            type(chunk) is Words for chunk in [c async for c in await Completions(provider.client).create(**REQUEST)]
        ]
        assert kinds == [False, True, True, False]


async def test_an_error_in_mid_reply_and_one_instead_of_it_are_the_packages() -> None:
    async with _provider() as provider:
        provider.chunks = [_chunk(content="We"), {"error": {"message": "overloaded"}}]
        with pytest.raises(APIError, match="overloaded"):
            await _read(Completions(provider.client))
        provider.status = 429
        with pytest.raises(APIStatusError):
            await _read(Completions(provider.client))


async def test_a_reply_that_is_broken_off_gives_its_connection_back() -> None:
    async with _provider() as provider:
        provider.chunks = REPLY * 100
        stream = await Completions(provider.client).create(**REQUEST)
        chunks = aiter(stream)
        await anext(chunks)
        await chunks.aclose()
        await stream.close()
        assert stream.response.is_closed
