"""Anthropic's Messages API: answered by the simulator, or forwarded to a real model.

Protocol: platform.claude.com/docs/en/api/messages.
"""

from aiohttp import web

from simulator.anthropic.message import Reply, conversation_of
from simulator.anthropic.requests import admit_client, check_headers, read_body, server_error
from simulator.faults import Target
from simulator.llm.answering import answer
from simulator.llm.forwarding import forward
from simulator.llm.serving import serve
from simulator.world import WORLD

_FORWARDED = ("x-api-key", "anthropic-version", "anthropic-beta")


async def create(request: web.Request) -> web.StreamResponse:
    """POST /v1/messages: answer, as a stream of events or at once.

    It is forwarded to `messages` below SIMULATOR_LLM_URL: Ollama, llama.cpp and vLLM have it beside the chat
    completions (docs.ollama.com/api/anthropic-compatibility).
    """
    world = request.app[WORLD]
    world.count("llm", "messages")
    check_headers(request)
    body = await read_body(request)
    target = Target("llm", "anthropic", body["model"])

    async def reply() -> Reply:
        return Reply(body, await answer(world, conversation_of(body)))

    return await serve(
        request,
        body,
        target,
        fault=admit_client(request, target),
        delays=world.profile.anthropic,
        answer=reply,
        forward=lambda: forward(request, body, "messages", _FORWARDED, server_error),
    )
