"""The OpenAI chat completions API: answered by the simulator, or forwarded to a real model.

Protocol: platform.openai.com/docs/api-reference/chat (streaming events) and the types of openai 3.54.
"""

from typing import Any

from aiohttp import web

from simulator.faults import Fault, Target
from simulator.llm.answering import answer
from simulator.llm.forwarding import forward
from simulator.llm.serving import serve
from simulator.openai.completion import Completion, conversation_of
from simulator.wire import REFUSED_KEY, admit, json_error
from simulator.world import WORLD

MODELS = ("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini")


def openai_error(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """The body of OpenAI's HTTP errors."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _server_error(message: str = "The server had an error.") -> dict[str, Any]:
    return openai_error(message, "server_error")


def _admit(request: web.Request, target: Target) -> Fault | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() == REFUSED_KEY:
        raise json_error(401, openai_error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"))
    limit = openai_error("Rate limit reached.", "requests", "rate_limit_exceeded")
    return admit(request, target, limit, _server_error())


async def models(request: web.Request) -> web.Response:
    """GET /v1/models: list the models."""
    _admit(request, Target("llm", "openai"))
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in MODELS]
    return web.json_response({"object": "list", "data": listed})


async def completions(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions: answer a chat, as a stream of events or at once."""
    world = request.app[WORLD]
    world.count("llm", "completions")
    body = await _body(request)
    target = Target("llm", "openai", body["model"])

    async def reply() -> Completion:
        return Completion(body, await answer(world, conversation_of(body)))

    return await serve(
        request,
        body,
        target,
        fault=_admit(request, target),
        delays=world.profile.openai,
        answer=reply,
        forward=lambda: forward(request, body, "chat/completions", ("Authorization",), _server_error),
    )


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
