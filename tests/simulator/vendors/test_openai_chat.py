"""The chat completions API, driven by the openai SDK."""

import json
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

END_CALL: Any = {
    "type": "function",
    "function": {"name": "end_call", "description": "Hang up.", "parameters": {"type": "object", "properties": {}}},
}


def client(base_url: str, key: str = "any") -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=f"{base_url}/v1", max_retries=0)


def user(text: str) -> Any:
    return {"role": "user", "content": text}


async def test_streams_the_answer_of_the_first_rule_that_matches(base_url: str) -> None:
    stream = await client(base_url).chat.completions.create(
        model="gpt-4.1-mini",
        messages=[{"role": "system", "content": "Be nice."}, user("What are your OPENING hours?")],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "We are open from nine to five, Monday to Friday. What can I do for you today?"
    assert len(chunks) > 10
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 15


async def test_answers_at_once_without_stream(base_url: str) -> None:
    completion = await client(base_url).chat.completions.create(model="gpt-4.1", messages=[user("Purple elephants")])
    assert completion.choices[0].message.content == "I am sorry, I did not get that. Could you say it again?"
    assert completion.usage is not None


async def test_keywords_match_whole_words_only(base_url: str) -> None:
    completion = await client(base_url).chat.completions.create(model="gpt-4.1", messages=[user("A facebook page")])
    assert "did not get that" in str(completion.choices[0].message.content)


async def test_streams_a_tool_call_as_deltas(base_url: str) -> None:
    stream = await client(base_url).chat.completions.create(
        model="gpt-4.1", messages=[user("That is all, goodbye.")], tools=[END_CALL], stream=True
    )
    said, name, call_id, arguments, finish = "", "", "", "", None
    async for chunk in stream:
        delta = chunk.choices[0].delta
        said += delta.content or ""
        finish = chunk.choices[0].finish_reason or finish
        for call in delta.tool_calls or []:
            assert call.function is not None
            name += call.function.name or ""
            arguments += call.function.arguments or ""
            call_id = call.id or call_id
    assert said == "Thank you for calling. Have a lovely day. Goodbye."
    assert name == "end_call"
    assert json.loads(arguments) == {"reason": "caller said goodbye"}
    assert call_id.startswith("call_")
    assert finish == "tool_calls"


async def test_calls_no_tool_that_was_not_offered(base_url: str) -> None:
    completion = await client(base_url).chat.completions.create(model="gpt-4.1", messages=[user("Goodbye")])
    assert completion.choices[0].message.tool_calls is None
    assert "Goodbye" in str(completion.choices[0].message.content)


async def test_quotes_the_result_of_a_tool_when_it_comes_last(base_url: str, http: aiohttp.ClientSession) -> None:
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
    tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    openai_client = client(base_url)
    asked = await openai_client.chat.completions.create(
        model="gpt-4.1", messages=[user("How is the weather?")], tools=[tool]
    )
    message = asked.choices[0].message
    assert message.content is None
    assert message.tool_calls
    history: Any = [
        user("How is the weather?"),
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": '{"result": "sunny"}'},
    ]
    told = await openai_client.chat.completions.create(model="gpt-4.1", messages=history, tools=[tool])
    assert told.choices[0].message.content == "It is sunny today."
    history += [{"role": "system", "content": "The caller has hung up."}]
    told = await openai_client.chat.completions.create(model="gpt-4.1", messages=history, tools=[tool])
    assert told.choices[0].message.content == "Are you still there?"


async def test_refuses_a_request_without_a_key_or_a_model(base_url: str, http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/chat/completions", json={"model": "x", "messages": [user("Hi")]}) as response:
        assert response.status == 401
    headers = {"Authorization": "Bearer any"}
    async with http.post("/v1/chat/completions", json={"messages": [user("Hi")]}, headers=headers) as response:
        assert response.status == 400
        assert "model" in (await response.json())["error"]["message"]
    with pytest.raises(openai.AuthenticationError):
        await client(base_url, key="invalid").models.list()


async def test_lists_models(base_url: str) -> None:
    assert "gpt-4.1-mini" in [model.id async for model in client(base_url).models.list()]


async def test_keeps_the_last_requests(base_url: str, http: aiohttp.ClientSession) -> None:
    await client(base_url).chat.completions.create(model="gpt-4.1", messages=[user("Remember me")])
    async with http.get("/control/requests") as response:
        record = await response.json()
    assert record["counts"]["llm.completions"] == 1
    assert record["llm"][-1]["messages"][-1]["content"] == "Remember me"


async def test_forwards_to_a_real_model_when_one_is_set(base_url: str) -> None:
    from simulator.app import running_simulator

    async with running_simulator(llm_url=f"{base_url}/v1", llm_model="gpt-4o") as front:
        stream = await client(front).chat.completions.create(model="x", messages=[user("Hello")], stream=True)
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello! How can I help you today?"
    assert chunks[0].model == "gpt-4o"


async def test_says_so_when_the_real_model_cannot_be_reached() -> None:
    from simulator.app import running_simulator

    async with running_simulator(llm_url="http://127.0.0.1:9/v1") as front:
        with pytest.raises(openai.InternalServerError, match="SIMULATOR_LLM_URL"):
            await client(front).chat.completions.create(model="x", messages=[user("Hello")])
