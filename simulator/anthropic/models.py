"""Anthropic's list of models.

Protocol: platform.claude.com/docs/en/api/models.
"""

from typing import Any

from aiohttp import web

from simulator.anthropic.requests import admit_client, anthropic_error, check_headers, invalid
from simulator.faults import Target
from simulator.wire import json_error

MODELS = {
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
    "claude-sonnet-4-6": "Claude Sonnet 4.6",
    "claude-haiku-4-5": "Claude Haiku 4.5",
}
_RELEASED = "1970-01-01T00:00:00Z"
"""What Anthropic gives where the date is unknown."""
_MOST = 1000


async def list_models(request: web.Request) -> web.Response:
    """GET /v1/models: a page of the models, the newest first."""
    check_headers(request)
    admit_client(request, Target("llm", "anthropic"))
    ids = list(MODELS)
    limit = request.query.get("limit", "20")
    if not limit.isdigit() or not 1 <= int(limit) <= _MOST:
        raise invalid(f"limit: Input should be an integer from 1 to {_MOST}")
    after = request.query.get("after_id")
    if after in MODELS:
        ids = ids[ids.index(after) + 1 :]
    page = ids[: int(limit)]
    return web.json_response(
        {
            "data": [_describe(model_id) for model_id in page],
            "has_more": len(ids) > len(page),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
    )


async def get_model(request: web.Request) -> web.Response:
    """GET /v1/models/{model_id}."""
    check_headers(request)
    admit_client(request, Target("llm", "anthropic"))
    model_id = request.match_info["model_id"]
    if model_id not in MODELS:
        raise json_error(404, anthropic_error("not_found_error", f"model: {model_id}"))
    return web.json_response(_describe(model_id))


def _describe(model_id: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model_id,
        "display_name": MODELS[model_id],
        "created_at": _RELEASED,
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
