"""What the language model can do besides talking: end the call, and call the persona's web services."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import aiohttp
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams, LLMService

from agents import json_values, tool_schemas
from agents.tools import ToolSpec
from workers import tool_requests
from workers.recorder import CallRecorder

MAX_ANSWER_BYTES = 64 * 1024  # more than a language model should read during a call
WHY_LENGTH = 300  # letters of a reason: it is told to the model, and stored
TOO_DEEP = f"the service answered with JSON that is nested more than {json_values.MAX_DEPTH} levels deep"
END_CALL = FunctionSchema(
    name="end_call",
    description="Hang up. Use it when the conversation is over; say goodbye in the same reply.",
    properties={"reason": {"type": "string", "description": "Why the conversation is over, in a few words."}},
    required=[],
)


def schema(tools: list[ToolSpec]) -> ToolsSchema:
    """What the language model is told about the tools, `end_call` included."""
    return ToolsSchema(
        standard_tools=[
            END_CALL,
            *(
                FunctionSchema(
                    name=tool.name,
                    description=tool.description,
                    properties=tool.parameters.get("properties", {}),
                    required=tool.parameters.get("required", []),
                )
                for tool in tools
            ),
        ]
    )


@dataclass(frozen=True, slots=True)
class Registration:
    """What the tools of one call are connected with.

    `end_call` returns once the goodbye has been heard. `caller_turn_over` is awaited before a result is handed over:
    Pipecat keeps a result back that comes while it believes the caller to be speaking, and a tool can be quicker than
    the end of the turn is in reaching the pipeline's last processor. `answered` is called with every result.
    """

    recorder: CallRecorder
    end_call: Callable[[], Awaitable[None]]
    caller_turn_over: Callable[[], Awaitable[object]]
    answered: Callable[[], None]

    def all(self, llm: LLMService[Any], tools: list[ToolSpec]) -> None:
        """Connect `end_call` and the persona's tools to the language model."""
        llm.register_function("end_call", self._hang_up, timeout_secs=60)
        for tool in tools:
            # The deadline is the request's own, so that its failure is a result that the model can speak about.
            llm.register_function(tool.name, self._handler(tool), timeout_secs=tool.timeout_s + 5)

    async def _hang_up(self, params: FunctionCallParams) -> None:
        await params.result_callback({"status": "ended"}, properties=FunctionCallResultProperties(run_llm=False))
        await self.end_call()

    def _handler(self, tool: ToolSpec) -> Callable[[FunctionCallParams], Awaitable[None]]:
        async def handle(params: FunctionCallParams) -> None:
            started = time.monotonic()
            result = await call(tool, params.arguments)
            took_ms = round((time.monotonic() - started) * 1000)
            if "error" in result:
                self.recorder.event("tool_failed", tool=tool.name, took_ms=took_ms, why=result["error"])
            else:
                self.recorder.event("tool_called", tool=tool.name, took_ms=took_ms)
            await self.caller_turn_over()
            self.answered()
            await params.result_callback(result)

        return handle


async def call(tool: ToolSpec, arguments: Any) -> dict[str, Any]:
    """POST the arguments as JSON to the tool. Returns `{"result": …}`, or `{"error": …}` in words for the model.

    Never raises: whatever goes wrong, the caller must hear about it rather than silence.
    """
    wrong = _wrong_arguments(tool, arguments)
    if wrong:
        return {"error": wrong}
    guard = tool_requests.Guard()
    try:
        async with asyncio.timeout(tool.timeout_s):
            return await _ask(tool, tool_requests.encoded(arguments), guard)
    except TimeoutError:
        return {"error": f"the service did not answer within {tool.timeout_s:g} seconds"}
    except tool_requests.SecretMissing as error:
        return {"error": str(error)}
    except aiohttp.ClientError as error:
        if guard.refused:
            return {"error": "the service has no public address, and is in none of TOOL_ALLOWED_NETWORKS"}
        return {"error": f"the service could not be reached ({type(error).__name__})"}


def _wrong_arguments(tool: ToolSpec, arguments: Any) -> str | None:
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


async def _ask(tool: ToolSpec, arguments: bytes, guard: tool_requests.Guard) -> dict[str, Any]:
    headers = await tool_requests.headers(tool, arguments)
    async with (
        aiohttp.ClientSession(connector=guard.connector(ssl=trusted_certificates())) as session,
        session.post(tool.url, data=arguments, headers=headers, allow_redirects=False) as response,
    ):
        if response.status != 200:
            return {"error": f"the service answered with status {response.status}"}
        body = await response.content.read(MAX_ANSWER_BYTES + 1)
        while len(body) <= MAX_ANSWER_BYTES and (more := await response.content.read(MAX_ANSWER_BYTES)):
            body += more
    if len(body) > MAX_ANSWER_BYTES:
        return {"error": f"the service answered with more than {MAX_ANSWER_BYTES // 1024} KiB"}
    return _decoded(body)


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
