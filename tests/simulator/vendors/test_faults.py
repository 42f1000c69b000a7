"""Each fault, in each stage where it can be, while the simulator runs."""

import asyncio
import json
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
import websockets
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from tests.simulator.conftest import SECOND, say

FLUX = "/v2/listen?model=flux-general-en&sample_rate=16000&encoding=linear16"
VOICE = "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb"
SPEAK = f"{VOICE}/multi-stream-input?auto_mode=true&output_format=pcm_16000"
ASSEMBLYAI = "/v3/ws?sample_rate=16000&speech_model=u3-rt-pro"
HEADERS = {"Authorization": "Token any", "xi-api-key": "any"}
SOCKETS = [("stt", FLUX), ("tts", SPEAK)]
ALL_SOCKETS = [*SOCKETS, ("stt", ASSEMBLYAI)]
LISTENERS = [FLUX, ASSEMBLYAI]
TEXTS: Any = [{"role": "user", "content": "Hello"}]


async def fault(http: aiohttp.ClientSession, **fields: Any) -> None:
    async with http.put("/control/faults", json=fields) as response:
        assert response.status == 200, await response.text()


def socket(base_url: str, path: str) -> connect:
    return connect(base_url.replace("http", "ws") + path, additional_headers=HEADERS)


async def ask(base_url: str) -> str:
    client = AsyncOpenAI(api_key="any", base_url=f"{base_url}/v1", max_retries=0)
    stream = await client.chat.completions.create(model="gpt-4.1", messages=TEXTS, stream=True)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


@pytest.mark.parametrize(("stage", "path"), SOCKETS)
@pytest.mark.parametrize("status", [429, 500])
async def test_a_handshake_fails_with_a_status(
    base_url: str, http: aiohttp.ClientSession, stage: str, path: str, status: int
) -> None:
    await fault(http, stage=stage, kind=str(status))
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with socket(base_url, path):
            pass
    assert caught.value.response.status_code == status


@pytest.mark.parametrize(("stage", "path"), ALL_SOCKETS)
async def test_a_refused_connection_gets_no_answer(
    base_url: str, http: aiohttp.ClientSession, stage: str, path: str
) -> None:
    await fault(http, stage=stage, kind="refuse")
    with pytest.raises((websockets.InvalidHandshake, ConnectionError)):
        async with socket(base_url, path):
            pass


@pytest.mark.parametrize(("stage", "path"), ALL_SOCKETS)
async def test_a_running_connection_is_cut_after_a_time(
    base_url: str, http: aiohttp.ClientSession, stage: str, path: str
) -> None:
    async with socket(base_url, path) as ws:
        await fault(http, stage=stage, kind="close_after", after_s=0.05)
        await asyncio.wait_for(ws.wait_closed(), 5)
        assert ws.close_code == 1006


@pytest.mark.parametrize("path", LISTENERS)
async def test_a_new_connection_is_cut_after_a_time(base_url: str, http: aiohttp.ClientSession, path: str) -> None:
    await fault(http, stage="stt", kind="close_after", after_s=0.05)
    async with socket(base_url, path) as ws:
        await asyncio.wait_for(ws.wait_closed(), 5)


@pytest.mark.parametrize("path", LISTENERS)
async def test_a_running_connection_hangs_and_stays_open(base_url: str, http: aiohttp.ClientSession, path: str) -> None:
    async with socket(base_url, path) as ws:
        assert json.loads(await ws.recv())["type"] in ("Connected", "Begin")
        await fault(http, stage="stt", kind="hang")
        for part in (SECOND, await say("Goodbye"), SECOND):
            await ws.send(part)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.7)


async def test_a_running_recognizer_falls_deaf_and_goes_on_answering(
    base_url: str, http: aiohttp.ClientSession
) -> None:
    async with socket(base_url, FLUX) as ws:
        await ws.recv()
        await fault(http, stage="stt", kind="deaf")
        for part in (SECOND, await say("Goodbye"), SECOND):
            await ws.send(part)
        updates = [json.loads(await ws.recv()) for _ in range(8)]
        assert {update["event"] for update in updates} == {"Update"}
        assert {update["transcript"] for update in updates} == {""}


@pytest.mark.parametrize(("stage", "path"), ALL_SOCKETS)
async def test_garbage_is_not_json(base_url: str, http: aiohttp.ClientSession, stage: str, path: str) -> None:
    await fault(http, stage=stage, kind="garbage")
    async with socket(base_url, path) as ws:
        await ws.send(json.dumps({"text": "Hello.", "context_id": "a"}) if stage == "tts" else SECOND)
        answer = await asyncio.wait_for(ws.recv(), 5)
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(answer)


async def test_tts_ends_its_contexts_without_audio(base_url: str, http: aiohttp.ClientSession) -> None:
    await fault(http, stage="tts", kind="no_audio")
    async with socket(base_url, SPEAK) as ws:
        await ws.send(json.dumps({"text": "Hello there.", "context_id": "a"}))
        await ws.send(json.dumps({"context_id": "a", "close_context": True}))
        assert json.loads(await asyncio.wait_for(ws.recv(), 5)) == {"isFinal": True, "contextId": "a"}


async def test_tts_over_http_fails_too(base_url: str, http: aiohttp.ClientSession) -> None:
    for kind, status in (("429", 429), ("500", 500)):
        await fault(http, stage="tts", kind=kind)
        async with http.post(f"{VOICE}/stream", json={"text": "Hello."}, headers=HEADERS) as response:
            assert response.status == status
    await fault(http, stage="tts", kind="no_audio")
    query = {"output_format": "pcm_16000"}
    async with http.post(f"{VOICE}/stream", json={"text": "Hello."}, headers=HEADERS, params=query) as response:
        assert await response.read() == b""


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("refuse", openai.APIConnectionError),
        ("garbage", ValueError),
    ],
)
async def test_llm_fails(base_url: str, http: aiohttp.ClientSession, kind: str, error: type[Exception]) -> None:
    await fault(http, stage="llm", kind=kind)
    with pytest.raises(error):
        await ask(base_url)


async def test_llm_hangs(base_url: str, http: aiohttp.ClientSession) -> None:
    await fault(http, stage="llm", kind="hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(base_url), 0.5)


async def test_llm_is_cut_in_its_answer(base_url: str, http: aiohttp.ClientSession) -> None:
    async with http.put("/control/profile", json={"name": "published"}):
        pass
    await fault(http, stage="llm", kind="close_after", after_s=0.02)
    with pytest.raises((openai.APIError, httpx2.HTTPError)):
        await ask(base_url)


async def test_a_counted_fault_passes(base_url: str, http: aiohttp.ClientSession) -> None:
    await fault(http, stage="llm", kind="500", count=2)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            await ask(base_url)
    assert await ask(base_url) == "Hello! How can I help you today?"


async def test_a_fault_of_one_provider_spares_the_others(base_url: str, http: aiohttp.ClientSession) -> None:
    cartesia = "/tts/websocket?api_key=any&cartesia_version=2026-03-01"
    async with socket(base_url, SPEAK) as spared, socket(base_url, cartesia) as hit:
        await fault(http, stage="tts", kind="close_after", provider="cartesia")
        await asyncio.wait_for(hit.wait_closed(), 5)
        await spared.send(json.dumps({"text": "Hello.", "context_id": "a"}))
        assert json.loads(await asyncio.wait_for(spared.recv(), 30))["audio"]
    await fault(http, stage="llm", kind="500", provider="anthropic")
    assert await ask(base_url)


async def test_a_provider_that_is_no_name_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.put("/control/faults", json={"stage": "tts", "kind": "hang", "provider": 5}) as response:
        assert response.status == 400
        assert (await response.json())["error"].startswith("provider is 5: ")


async def test_deleted_faults_are_over(base_url: str, http: aiohttp.ClientSession) -> None:
    await fault(http, stage="llm", kind="500")
    async with http.get("/control/faults") as response:
        expected = {"stage": "llm", "kind": "500", "after_s": 0.0, "count": None, "model": "", "provider": ""}
        assert await response.json() == {"faults": [expected]}
    async with http.delete("/control/faults") as response:
        assert await response.json() == {"faults": []}
    assert await ask(base_url)
