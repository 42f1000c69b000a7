"""Cartesia's text to speech, driven by a plain websocket and plain HTTP."""

import asyncio
import base64
import io
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import av
import numpy as np
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from simulator.speech.pcm import SAMPLE_RATE, decode_wav, rms

KATIE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
LINE = "We are open from nine to five."
HEADERS = {"X-API-Key": "any", "Cartesia-Version": "2026-03-01"}
RAW = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000}

Fault = Callable[..., Awaitable[None]]


@pytest.fixture
async def fault(http: aiohttp.ClientSession) -> Fault:
    """Switches a fault of the voice on."""

    async def put(**fields: Any) -> None:
        async with http.put("/control/faults", json={"stage": "tts", **fields}) as response:
            assert response.status == 200, await response.text()

    return put


def socket(base_url: str, path: str = "/tts/websocket", headers: dict[str, str] = HEADERS) -> connect:
    return connect(base_url.replace("http", "ws") + path, additional_headers=headers)


def request(transcript: str, **fields: Any) -> dict[str, Any]:
    """A request to speak, as Pipecat sends it."""
    voice = {"mode": "id", "id": KATIE}
    return {"model_id": "sonic-3.6", "transcript": transcript, "voice": voice, "output_format": RAW, **fields}


async def say(ws: ClientConnection, context: str, transcript: str, **fields: Any) -> None:
    options = {"max_buffer_delay_ms": 0, "add_timestamps": True, **fields}
    await ws.send(json.dumps(request(transcript, context_id=context, **options)))


async def until_done(ws: ClientConnection, context: str) -> list[dict[str, Any]]:
    """Every message of a context, up to the one that ends it."""
    messages = []
    async with asyncio.timeout(60):
        async for text in ws:
            message = json.loads(text)
            if message["context_id"] == context:
                messages.append(message)
                if message["done"]:
                    return messages
    raise AssertionError("the socket closed before the context was done")


def audio_of(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(message["data"]) for message in messages if message["type"] == "chunk")


def words_of(messages: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    times = [message["word_timestamps"] for message in messages if message["type"] == "timestamps"]
    return [word for each in times for word in zip(each["words"], each["start"], each["end"], strict=True)]


async def test_speaks_a_transcript_and_is_done(base_url: str) -> None:
    async with socket(base_url) as ws:
        await say(ws, "a", LINE)
        messages = await until_done(ws, "a")
    pcm = np.frombuffer(audio_of(messages), dtype="<i2")
    assert 1.0 < len(pcm) / SAMPLE_RATE < 4.0
    assert rms(pcm) > 500
    assert messages[-1] == {"type": "done", "done": True, "status_code": 206, "context_id": "a"}
    assert Counter(message["type"] for message in messages)["chunk"] > 1


async def test_word_times_run_through_the_transcripts_of_a_context(base_url: str) -> None:
    async with socket(base_url) as ws:
        await say(ws, "a", "We are open. ", **{"continue": True})
        await say(ws, "a", "Come in!", **{"continue": True})
        await say(ws, "a", "")
        messages = await until_done(ws, "a")
    words = words_of(messages)
    assert [word for word, _, _ in words] == ["We", "are", "open.", "Come", "in!"]
    assert all(start < end for _, start, end in words)
    starts = [start for _, start, _ in words]
    assert starts == sorted(starts)
    first, second = [index for index, message in enumerate(messages) if message["type"] == "flush_done"]
    assert len(audio_of(messages[:first])) / 2 / SAMPLE_RATE <= words[3][1]
    assert words[-1][2] <= len(audio_of(messages[:second])) / 2 / SAMPLE_RATE + 0.001
    assert [messages[index]["flush_id"] for index in (first, second)] == [1, 2]


async def test_without_timestamps_there_are_no_words(base_url: str) -> None:
    async with socket(base_url) as ws:
        await say(ws, "a", LINE, add_timestamps=False)
        assert not words_of(await until_done(ws, "a"))


async def test_buffers_an_unfinished_sentence_until_it_is_complete(base_url: str) -> None:
    async with socket(base_url) as ws:
        for text in ("We are ", "open. ", "Come"):
            await say(ws, "a", text, max_buffer_delay_ms=5000, **{"continue": True})
        await say(ws, "a", " in!", max_buffer_delay_ms=5000)
        pieces = await until_done(ws, "a")
        await say(ws, "b", "We are open.", **{"continue": True})
        await say(ws, "b", "Come in!")
        sentences = await until_done(ws, "b")
    assert audio_of(pieces) == audio_of(sentences)
    assert words_of(pieces) == words_of(sentences)


async def test_speaks_what_waits_when_the_buffer_delay_is_over_or_when_it_is_flushed(base_url: str) -> None:
    async with socket(base_url) as ws:
        await say(ws, "a", "Hello", max_buffer_delay_ms=1, **{"continue": True})
        assert json.loads(await asyncio.wait_for(ws.recv(), 30))["type"] == "chunk"
        await say(ws, "b", "Hello", max_buffer_delay_ms=5000, flush=True, **{"continue": True})
        async with asyncio.timeout(30):
            while (message := json.loads(await ws.recv()))["type"] != "flush_done":
                pass
    assert message["context_id"] == "b"


async def test_contexts_are_spoken_beside_each_other(base_url: str) -> None:
    async with socket(base_url) as ws:
        await say(ws, "a", "This is context a.", **{"continue": True})
        await say(ws, "b", "This is context b.")
        assert [word for word, _, _ in words_of(await until_done(ws, "b"))][-1] == "b."
        await say(ws, "a", "And more.")
        assert [word for word, _, _ in words_of(await until_done(ws, "a"))][-1] == "more."


async def test_a_cancelled_context_says_no_more(base_url: str) -> None:
    async with socket(base_url) as ws:
        await say(ws, "a", LINE)
        await ws.send(json.dumps({"context_id": "a", "cancel": True}))
        await say(ws, "a", "A new one.")
        assert [word for word, _, _ in words_of(await until_done(ws, "a"))] == ["A", "new", "one."]


@pytest.mark.parametrize(
    ("transcript", "fields", "title"),
    [
        ("", {}, "transcript empty or contains only punctuation"),
        (" ?! ", {}, "transcript empty or contains only punctuation"),
        (LINE, {"voice": {"mode": "id", "id": None}}, "Invalid voice"),
        (LINE, {"model_id": None}, "Invalid model_id"),
        (LINE, {"output_format": {**RAW, "container": "mp3"}}, "Invalid output format"),
        (LINE, {"output_format": {**RAW, "encoding": "opus"}}, "Invalid output format"),
        (LINE, {"output_format": {**RAW, "sample_rate": 11025}}, "Invalid output format"),
        (LINE, {"generation_config": {"speed": 2}}, "Invalid speed"),
        (LINE, {"max_buffer_delay_ms": 6000}, "Invalid max_buffer_delay_ms"),
    ],
)
async def test_a_wrong_request_fails_its_context_only(
    base_url: str, transcript: str, fields: dict[str, Any], title: str
) -> None:
    async with socket(base_url) as ws:
        await say(ws, "a", transcript, **fields)
        (error,) = await until_done(ws, "a")
        assert (error["type"], error["status_code"], error["title"]) == ("error", 400, title)
        assert error["message"]
        await say(ws, "b", "Hello.")
        assert audio_of(await until_done(ws, "b"))


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"])
async def test_encodings_change_the_size_of_a_sample_only(base_url: str, encoding: str) -> None:
    width = {"pcm_s16le": 2, "pcm_f32le": 4}.get(encoding, 1)
    async with socket(base_url) as ws:
        await say(ws, "a", LINE)
        seconds = len(audio_of(await until_done(ws, "a"))) / 2 / SAMPLE_RATE
        await say(ws, "b", LINE, output_format={"container": "raw", "encoding": encoding, "sample_rate": 8000})
        assert len(audio_of(await until_done(ws, "b"))) / width / 8000 == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize("query", ["?api_key=any&cartesia_version=2026-03-01", "?access_token=any"])
async def test_takes_key_and_version_from_the_query(base_url: str, query: str) -> None:
    headers = {} if "version" in query else {"Cartesia-Version": "2026-03-01"}
    async with socket(base_url, f"/tts/websocket{query}", headers) as ws:
        await say(ws, "a", "Hello.")
        assert audio_of(await until_done(ws, "a"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Cartesia-Version": "2026-03-01"}, 401),
        ({**HEADERS, "X-API-Key": "invalid"}, 401),
        ({"Authorization": "Bearer any"}, 400),
        ({**HEADERS, "Cartesia-Version": "latest"}, 400),
    ],
)
async def test_refuses_a_socket_without_key_or_version(base_url: str, headers: dict[str, str], status: int) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with socket(base_url, headers=headers):
            pass
    assert caught.value.response.status_code == status
    assert set(json.loads(caught.value.response.body or b"")) == {"error_code", "title", "message", "request_id"}


async def test_bytes_come_raw_as_wav_and_as_mp3(http: aiohttp.ClientSession) -> None:
    async def fetch(**output_format: Any) -> bytes:
        body = request(LINE, output_format=output_format)
        async with http.post("/tts/bytes", json=body, headers=HEADERS) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    raw = await fetch(**RAW)
    samples, rate = decode_wav(await fetch(**{**RAW, "container": "wav"}))
    assert (samples.tobytes(), rate) == (raw, SAMPLE_RATE)
    mp3 = await fetch(container="mp3", sample_rate=44100, bit_rate=128000)
    with av.open(io.BytesIO(mp3), mode="r") as file:
        seconds = sum(len(frame.to_ndarray()[0]) for frame in file.decode(file.streams.audio[0])) / 44100
    assert seconds == pytest.approx(len(raw) / 2 / SAMPLE_RATE, abs=0.2)


async def test_events_have_audio_and_words(http: aiohttp.ClientSession) -> None:
    async with http.post("/tts/sse", json=request(LINE, add_timestamps=True), headers=HEADERS) as response:
        assert response.content_type == "text/event-stream"
        lines = [event.split("\n") for event in (await response.text()).strip().split("\n\n")]
    events = [json.loads(data.removeprefix("data: ")) for _, data in lines]
    assert [name.removeprefix("event: ") for name, _ in lines] == [event["type"] for event in events]
    assert events[-1]["type"] == "done"
    assert [word for word, _, _ in words_of(events)] == LINE.split()
    assert len(audio_of(events)) / 2 / SAMPLE_RATE > words_of(events)[-1][2] - 0.01


async def test_refuses_an_empty_transcript_over_http(http: aiohttp.ClientSession) -> None:
    for path in ("/tts/bytes", "/tts/sse"):
        async with http.post(path, json=request("..."), headers=HEADERS) as response:
            assert response.status == 400
            assert (await response.json())["title"] == "transcript empty or contains only punctuation"


async def test_voices_come_in_pages_and_sound_different(http: aiohttp.ClientSession) -> None:
    async def fetch(path: str, **query: Any) -> Any:
        async with http.get(path, params=query, headers=HEADERS) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    first = await fetch("/voices/", limit=3)
    rest = await fetch("/voices", limit=3, starting_after=first["next_page"])
    assert (first["has_more"], rest["has_more"], rest["next_page"]) == (True, False, None)
    assert len(first["data"] + rest["data"]) == 4
    assert [voice["name"] for voice in (await fetch("/voices", q="KATIE"))["data"]] == ["Katie"]
    assert {voice["name"] for voice in (await fetch("/voices", gender="masculine"))["data"]} == {"Kiefer", "Kyle"}
    samples = set()
    for voice in first["data"] + rest["data"]:
        full = await fetch(f"/voices/{voice['id']}", **{"expand[]": "preview_file_url"})
        url = full.pop("preview_file_url")
        assert full == voice
        async with http.get(url, headers=HEADERS) as response:
            samples.add((await response.read())[:4000])
    assert len(samples) == 4
    async with http.get("/voices/nobody", headers=HEADERS) as response:
        assert response.status == 404


@pytest.mark.parametrize("status", [429, 500])
async def test_a_fault_is_a_status(base_url: str, http: aiohttp.ClientSession, fault: Fault, status: int) -> None:
    await fault(kind=str(status))
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with socket(base_url):
            pass
    assert caught.value.response.status_code == status
    async with http.post("/tts/bytes", json=request(LINE), headers=HEADERS) as response:
        assert response.status == status
        assert (await response.json())["error_code"] == ("concurrency_limited" if status == 429 else None)


async def test_a_fault_refuses_the_connection(base_url: str, fault: Fault) -> None:
    await fault(kind="refuse")
    with pytest.raises((websockets.InvalidHandshake, ConnectionError)):
        async with socket(base_url):
            pass


async def test_a_fault_cuts_an_utterance(base_url: str, http: aiohttp.ClientSession, fault: Fault) -> None:
    async with http.put("/control/profile", json={"name": "published"}), socket(base_url) as ws:
        await say(ws, "a", " ".join([LINE] * 10))
        assert json.loads(await asyncio.wait_for(ws.recv(), 30))["type"] == "chunk"
        await fault(kind="close_after", after_s=0)
        with pytest.raises(websockets.ConnectionClosedError):
            await until_done(ws, "a")


async def test_a_fault_hangs_a_running_connection(base_url: str, fault: Fault) -> None:
    async with socket(base_url) as ws:
        await fault(kind="hang")
        await say(ws, "a", LINE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.7)


async def test_a_fault_makes_garbage(base_url: str, fault: Fault) -> None:
    await fault(kind="garbage")
    async with socket(base_url) as ws:
        await say(ws, "a", LINE)
        answer = await asyncio.wait_for(ws.recv(), 30)
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(answer)


async def test_a_fault_takes_the_audio(base_url: str, http: aiohttp.ClientSession, fault: Fault) -> None:
    await fault(kind="no_audio")
    async with socket(base_url) as ws:
        await say(ws, "a", LINE)
        assert {message["type"] for message in await until_done(ws, "a")} == {"flush_done", "done"}
    async with http.post("/tts/bytes", json=request(LINE), headers=HEADERS) as response:
        assert await response.read() == b""
