"""Anthropic's Messages API, driven by the anthropic SDK and by plain HTTP."""

import json
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from simulator.app import running_simulator

MODEL = "claude-haiku-4-5"
HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
END_CALL: Any = {"name": "end_call", "description": "Hang up.", "input_schema": {"type": "object", "properties": {}}}


def client(base_url: str, key: str = "any") -> AsyncAnthropic:
    return AsyncAnthropic(api_key=key, base_url=base_url, max_retries=0)


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def body(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 100, "messages": list(messages), **fields}


async def post(http: aiohttp.ClientSession, document: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    async with http.post("/v1/messages", json=document, headers=HEADERS if headers is None else headers) as response:
        return response.status, await response.json()


async def stream(http: aiohttp.ClientSession, document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The events of an answer: names, and data."""
    async with http.post("/v1/messages", json={**document, "stream": True}, headers=HEADERS) as response:
        assert response.content_type == "text/event-stream"
        lines = [event.split("\n") for event in (await response.text()).strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


async def ask(base_url: str, *messages: Any, **fields: Any) -> Any:
    return await client(base_url).messages.create(**body(*messages, **fields))


async def test_streams_the_events_of_a_text_in_their_order(http: aiohttp.ClientSession) -> None:
    events = await stream(http, body(user("What are your OPENING hours?"), system="Be nice."))
    names = [name for name, _ in events]
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(names[3:-3]) == {"content_block_delta"}
    assert all(data["type"] == name for name, data in events)
    start = events[0][1]["message"]
    assert (start["role"], start["model"], start["content"], start["stop_reason"]) == ("assistant", MODEL, [], None)
    text = "".join(data["delta"]["text"] for name, data in events if name == "content_block_delta")
    assert text == "We are open from nine to five, Monday to Friday. What can I do for you today?"
    assert events[-2][1]["delta"]["stop_reason"] == "end_turn"
    assert events[-2][1]["usage"]["output_tokens"] == len(text.split())


async def test_streams_a_tool_call_in_a_block_of_its_own(http: aiohttp.ClientSession) -> None:
    events = await stream(http, body(user("That is all, goodbye."), tools=[END_CALL]))
    starts = [data for name, data in events if name == "content_block_start"]
    assert [(start["index"], start["content_block"]["type"]) for start in starts] == [(0, "text"), (1, "tool_use")]
    call = starts[1]["content_block"]
    assert call["name"] == "end_call"
    assert call["id"].startswith("toolu_")
    assert call["input"] == {}
    deltas = [data["delta"] for name, data in events if name == "content_block_delta" and data["index"] == 1]
    assert {delta["type"] for delta in deltas} == {"input_json_delta"}
    assert json.loads("".join(delta["partial_json"] for delta in deltas)) == {"reason": "caller said goodbye"}
    assert events[-2][1]["delta"]["stop_reason"] == "tool_use"


async def test_answers_at_once_without_stream(base_url: str) -> None:
    message = await ask(base_url, user("Goodbye"), tools=[END_CALL])
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[0].text == "Thank you for calling. Have a lovely day. Goodbye."
    assert message.content[1].input == {"reason": "caller said goodbye"}
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens > 5


async def test_sdk_gathers_a_stream(base_url: str) -> None:
    async with client(base_url).messages.stream(**body(user("Goodbye"), tools=[END_CALL])) as events:
        message = await events.get_final_message()
    assert [block.type for block in message.content] == ["text", "tool_use"]


async def test_calls_no_tool_that_was_not_offered(base_url: str) -> None:
    message = await ask(base_url, user("Goodbye"))
    assert [block.type for block in message.content] == ["text"]
    assert message.stop_reason == "end_turn"


async def test_max_tokens_cuts_the_answer(base_url: str) -> None:
    message = await ask(base_url, user("What are your opening hours?"), max_tokens=4)
    assert message.content[0].text == "We are open from "
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 4


async def test_quotes_the_result_of_a_tool(base_url: str, http: aiohttp.ClientSession) -> None:
    scenario = """
name: weather
agent:
  rules:
    - when: weather
      call: {name: get_weather, arguments: {city: Bern}}
    - after_tool: {name: get_weather, say: "It is {result} today."}
"""
    async with http.put("/control/scenario", json={"yaml": scenario}) as response:
        assert response.status == 200
    tool = {"name": "get_weather", "input_schema": {"type": "object"}}
    asked = await ask(base_url, user("How is the weather?"), tools=[tool])
    assert [block.type for block in asked.content] == ["tool_use"]
    result = {"type": "tool_result", "tool_use_id": asked.content[0].id, "content": '{"result": "sunny"}'}
    history = [
        user("How is the weather?"),
        {"role": "assistant", "content": [block.model_dump() for block in asked.content]},
        {"role": "user", "content": [result]},
    ]
    assert (await ask(base_url, *history, tools=[tool])).content[0].text == "It is sunny today."


async def test_a_message_without_words_is_silence(base_url: str) -> None:
    """Pipecat sends "." where the agent spoke last: such a request must end with the user's message."""
    message = await ask(base_url, user("Hello"), {"role": "assistant", "content": "Hello!"}, user("."))
    assert message.content[0].text == "Are you still there?"


@pytest.mark.parametrize(
    ("headers", "status", "kind", "message"),
    [
        ({"anthropic-version": "2023-06-01"}, 401, "authentication_error", "x-api-key header is required"),
        ({**HEADERS, "x-api-key": "invalid"}, 401, "authentication_error", "invalid x-api-key"),
        ({"x-api-key": "any"}, 400, "invalid_request_error", "anthropic-version: header is required"),
        (
            {**HEADERS, "anthropic-version": "2020-01-01"},
            400,
            "invalid_request_error",
            'anthropic-version: "2020-01-01" is not a valid version',
        ),
    ],
)
async def test_refuses_headers_with_anthropics_errors(
    http: aiohttp.ClientSession, headers: dict[str, str], status: int, kind: str, message: str
) -> None:
    answered, document = await post(http, body(user("Hi")), headers)
    assert answered == status
    assert document["type"] == "error"
    assert document["error"] == {"type": kind, "message": message}
    assert document["request_id"].startswith("req_")


CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "end_call", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "The request body is not valid JSON"),
        ({"model": MODEL, "messages": [user("Hi")]}, "max_tokens: Field required"),
        (body(user("Hi"), max_tokens=0), "max_tokens: Input should be an integer"),
        (body(), "messages: at least one message is required"),
        (body({"role": "system", "content": "Be nice."}), "messages.0.role: Input should be 'user' or 'assistant'"),
        (body({"role": "user", "content": 5}), "messages.0.content: Input should be a valid string or list"),
        (body(user("Bye"), CALL, user("Hello?")), "messages.1: `tool_use` ids were found without `tool_result`"),
        (body(user("Bye"), RESULT), "messages.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1"),
        (
            body(user("Hi"), {"role": "assistant", "content": "I"}, model="claude-sonnet-4-6"),
            "This model does not support assistant message prefill.",
        ),
    ],
)
async def test_refuses_a_body_as_anthropic_does(http: aiohttp.ClientSession, document: Any, message: str) -> None:
    status, answer = await post(http, document)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"].startswith(message)


async def test_lists_its_own_models_beside_those_of_openai(base_url: str, http: aiohttp.ClientSession) -> None:
    listed = [model.id async for model in client(base_url).models.list(limit=1)]
    assert MODEL in listed
    assert (await client(base_url).models.retrieve(MODEL)).display_name == "Claude Haiku 4.5"
    with pytest.raises(anthropic.NotFoundError, match="model: claude-0"):
        await client(base_url).models.retrieve("claude-0")
    async with http.get("/v1/models", headers={"Authorization": "Bearer any"}) as response:
        assert "gpt-4.1" in [model["id"] for model in (await response.json())["data"]]


async def test_keeps_the_last_requests(base_url: str, http: aiohttp.ClientSession) -> None:
    await ask(base_url, user("Remember me"))
    async with http.get("/control/requests") as response:
        record = await response.json()
    assert record["counts"]["llm.messages"] == 1
    assert record["llm"][-1]["messages"][-1]["content"] == "Remember me"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", anthropic.RateLimitError),
        ("500", anthropic.InternalServerError),
        ("refuse", anthropic.APIConnectionError),
        ("garbage", ValueError),
    ],
)
async def test_fails_as_a_fault_says(
    base_url: str, http: aiohttp.ClientSession, kind: str, error: type[Exception]
) -> None:
    async with http.put("/control/faults", json={"stage": "llm", "kind": kind}) as response:
        assert response.status == 200
    with pytest.raises(error):
        async for _ in await ask(base_url, user("Hello"), stream=True):
            pass


async def test_is_cut_in_its_answer(base_url: str, http: aiohttp.ClientSession) -> None:
    async with http.put("/control/profile", json={"name": "published"}):
        pass
    async with http.put("/control/faults", json={"stage": "llm", "kind": "close_after", "after_s": 0.02}):
        pass
    with pytest.raises((anthropic.APIError, httpx2.HTTPError)):
        async for _ in await ask(base_url, user("Hello"), stream=True):
            pass


async def test_forwards_to_a_real_model_when_one_is_set(base_url: str) -> None:
    async with running_simulator(llm_url=f"{base_url}/v1", llm_model="claude-sonnet-5") as front:
        message = await ask(front, user("Hello"))
    assert message.content[0].text == "Hello! How can I help you today?"
    assert message.model == "claude-sonnet-5"


async def test_says_so_when_the_real_model_cannot_be_reached() -> None:
    async with running_simulator(llm_url="http://127.0.0.1:9/v1") as front:
        with pytest.raises(anthropic.InternalServerError, match="SIMULATOR_LLM_URL"):
            await ask(front, user("Hello"))
