"""How a tool's service is asked, and how whatever it answers becomes a result that the model can speak about."""

import asyncio
import json
import ssl
import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any

import aiohttp

from agents.tools import tool_schemas
from agents.tools.definitions import ToolSpec
from common import json_values
from workers.tools import tool_requests

MAX_ANSWER_BYTES = 64 * 1024  # more than a language model should read during a call
SERVER_ERRORS = 500  # statuses from here on do not tell whether the service did what it was asked for
WHY_LENGTH = 300  # letters of a reason: it is told to the model, and stored
TOO_DEEP = f"the service answered with JSON that is nested more than {json_values.MAX_DEPTH} levels deep"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result for the model: `{"result": …}`, or `{"error": …}` in words.

    `is_final`: the service has decided. Otherwise it may have done its work, or not, and the same question, with the
    same key, finds out.
    """

    told: dict[str, Any]
    is_final: bool


async def call(tool: ToolSpec, arguments: Any, key: uuid.UUID | None = None) -> Answer:
    """POST the arguments as JSON to the tool, under this key. Never raises: the caller must hear about what fails."""
    wrong = wrong_arguments(tool, arguments)
    if wrong:
        return Answer({"error": wrong}, is_final=True)
    guard = tool_requests.Guard()
    try:
        async with asyncio.timeout(tool.timeout_s):
            return await _ask(tool, tool_requests.encoded(arguments), key or uuid.uuid4(), guard)
    except TimeoutError:
        why = f"the service did not answer within {tool.timeout_s:g} seconds"
    except tool_requests.SecretMissing as error:
        why = str(error)
    except aiohttp.ClientError as error:
        why = f"the service could not be reached ({type(error).__name__})"
        if guard.refused:
            why = "the service has no public address, and is in none of TOOL_ALLOWED_NETWORKS"
    return Answer({"error": why}, is_final=False)


def wrong_arguments(tool: ToolSpec, arguments: Any) -> str | None:
    """Why the arguments are not sent, without their values: the reason is also an event of the call."""
    unfit = json_values.fault(arguments)
    if unfit:
        return f"the arguments do not fit: {unfit}"
    try:
        validator = tool_schemas.validator(tool.parameters)
        error = next(validator.iter_errors(arguments), None)
    except ValueError as error:  # BadSchema of a version that was published before it was refused, and the library's
        return f"the tool's description of its arguments cannot be used: {error}"
    if error is None:
        return None
    place = json_values.path(tuple(str(step) for step in error.instance_path))
    return f"the arguments do not fit: {place + ': ' if place else ''}{error.message[:WHY_LENGTH]}"


async def _ask(tool: ToolSpec, arguments: bytes, key: uuid.UUID, guard: tool_requests.Guard) -> Answer:
    headers = await tool_requests.headers(tool, arguments, key)
    async with (
        aiohttp.ClientSession(connector=guard.connector(ssl=trusted_certificates())) as session,
        session.post(tool.url, data=arguments, headers=headers, allow_redirects=False) as response,
    ):
        if response.status != 200:
            error = f"the service answered with status {response.status}"
            return Answer({"error": error}, is_final=response.status < SERVER_ERRORS)
        body = await response.content.read(MAX_ANSWER_BYTES + 1)
        while len(body) <= MAX_ANSWER_BYTES and (more := await response.content.read(MAX_ANSWER_BYTES)):
            body += more
    if len(body) > MAX_ANSWER_BYTES:
        return Answer({"error": f"the service answered with more than {MAX_ANSWER_BYTES // 1024} KiB"}, is_final=True)
    return Answer(_decoded(body), is_final=True)


@cache
def trusted_certificates() -> ssl.SSLContext:
    """The machine's certificate authorities, or those of SSL_CERT_FILE; read once, because it takes milliseconds."""
    return ssl.create_default_context()


def _decoded(body: bytes) -> dict[str, Any]:
    """The answer as JSON, or as text if it is none. What cannot be stored in it is replaced, as in a turn's text."""
    text = body.decode(errors="replace")
    try:
        answer = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        return {"error": TOO_DEEP}
    except ValueError:
        answer = text
    if any(len(place) > json_values.MAX_DEPTH for place, _ in json_values.walk(answer)):
        return {"error": TOO_DEEP}
    return {"result": json_values.storable(answer)}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
