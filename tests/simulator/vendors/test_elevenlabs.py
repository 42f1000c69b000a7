"""The text-to-speech provider, driven by the elevenlabs SDK, Pipecat's service and a plain websocket."""

import base64
import io
import json
from typing import Any

import aiohttp
import av
import numpy as np
import pytest
import websockets
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core import ApiError
from websockets.asyncio.client import ClientConnection, connect

from simulator.speech.pcm import SAMPLE_RATE, decode_wav, rms

GEORGE = "JBFqnCBsd6RMkjVDRZzb"
LINE = "We are open from nine to five."


def client(base_url: str) -> AsyncElevenLabs:
    return AsyncElevenLabs(api_key="any", base_url=base_url)


def socket(base_url: str, query: str = "auto_mode=true&output_format=pcm_16000") -> connect:
    url = f"{base_url.replace('http', 'ws')}/v1/text-to-speech/{GEORGE}/multi-stream-input?{query}"
    return connect(url, additional_headers={"xi-api-key": "any"})


async def send(ws: ClientConnection, **message: Any) -> None:
    await ws.send(json.dumps(message))


async def until_final(ws: ClientConnection, context: str) -> list[dict[str, Any]]:
    """Every message of a context, up to its final one."""
    messages = []
    async for text in ws:
        message = json.loads(text)
        if message.get("contextId") == context:
            messages.append(message)
            if message["isFinal"]:
                return messages
    raise AssertionError("the socket closed before the final message")


async def until_refused(ws: ClientConnection) -> dict[str, Any]:
    """The last message before the server closes the socket for a broken rule."""
    last: dict[str, Any] = {}
    try:
        async for text in ws:
            last = json.loads(text)
    except websockets.ConnectionClosedError:
        assert ws.close_code == 1008
        return last
    raise AssertionError("the server closed without an error")


def audio_of(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(message["audio"]) for message in messages if "audio" in message)


def text_of(messages: list[dict[str, Any]]) -> str:
    return "".join(char for message in messages if "audio" in message for char in message["alignment"]["chars"])


async def test_speaks_a_context_and_ends_it(base_url: str) -> None:
    async with socket(base_url) as ws:
        await send(ws, text=" ", context_id="a", voice_settings={"stability": 0.5})
        await send(ws, text=LINE, context_id="a")
        await send(ws, context_id="a", flush=True)
        await send(ws, context_id="a", close_context=True)
        messages = await until_final(ws, "a")
    pcm = np.frombuffer(audio_of(messages), dtype="<i2")
    assert 1.0 < len(pcm) / SAMPLE_RATE < 4.0
    assert rms(pcm) > 500
    assert text_of(messages) == f" {LINE} "
    assert len(messages) > 2


async def test_alignment_lasts_as_long_as_the_audio(base_url: str) -> None:
    async with socket(base_url) as ws:
        await send(ws, text=LINE, context_id="a")
        await send(ws, context_id="a", close_context=True)
        *chunks, final = await until_final(ws, "a")
    assert final == {"isFinal": True, "contextId": "a"}
    for chunk in chunks:
        alignment = chunk["alignment"]
        starts, durations = alignment["charStartTimesMs"], alignment["charDurationsMs"]
        assert len(alignment["chars"]) == len(starts) == len(durations)
        assert starts[0] == 0
        assert starts == sorted(starts)
        audio_ms = len(base64.b64decode(chunk["audio"])) / 2 / SAMPLE_RATE * 1000
        assert starts[-1] + durations[-1] == pytest.approx(audio_ms, abs=1)


async def test_contexts_are_spoken_beside_each_other(base_url: str) -> None:
    async with socket(base_url) as ws:
        for context in ("a", "b"):
            await send(ws, text=f"This is context {context}.", context_id=context)
        await send(ws, context_id="b", close_context=True)
        assert text_of(await until_final(ws, "b")) == " This is context b. "
        await send(ws, text="And more.", context_id="a")
        await send(ws, context_id="a", close_context=True)
        assert text_of(await until_final(ws, "a")).endswith(" And more. ")


async def test_without_auto_mode_text_waits_for_a_flush(base_url: str) -> None:
    async with socket(base_url, "output_format=pcm_16000") as ws:
        await send(ws, text="Hello ", context_id="a")
        await send(ws, text="there. ", context_id="a")
        await send(ws, context_id="a", flush=True)
        await send(ws, context_id="a", close_context=True)
        assert text_of(await until_final(ws, "a")) == " Hello there. "


@pytest.mark.parametrize("rate", [8000, 24000, 44100])
async def test_output_formats_change_the_rate_only(base_url: str, rate: int) -> None:
    async with socket(base_url, f"auto_mode=true&output_format=pcm_{rate}") as ws, socket(base_url) as reference:
        lengths = []
        for connection, connection_rate in ((ws, rate), (reference, SAMPLE_RATE)):
            await send(connection, text=LINE, context_id="a")
            await send(connection, context_id="a", close_context=True)
            lengths.append(len(audio_of(await until_final(connection, "a"))) / 2 / connection_rate)
    assert lengths[0] == pytest.approx(lengths[1], rel=0.01)


async def test_close_socket_finishes_what_was_begun(base_url: str) -> None:
    async with socket(base_url) as ws:
        await send(ws, text=LINE, context_id="a")
        await send(ws, close_socket=True)
        messages = [json.loads(text) async for text in ws]
    assert messages[-1]["isFinal"]
    assert ws.close_code == 1000


async def test_silence_closes_the_connection(base_url: str) -> None:
    async with socket(base_url, "inactivity_timeout=1&output_format=pcm_16000") as ws:
        assert (await until_refused(ws))["error"] == "input_timeout_exceeded"


async def test_six_contexts_are_too_many(base_url: str) -> None:
    async with socket(base_url) as ws:
        for number in range(6):
            await send(ws, text=" ", context_id=str(number))
        assert (await until_refused(ws))["error"] == "max_active_conversations"


async def test_voice_settings_belong_in_the_first_message(base_url: str) -> None:
    async with socket(base_url) as ws:
        await send(ws, text=" ", context_id="a")
        await send(ws, text=LINE, context_id="a", voice_settings={"speed": 1})
        assert "first message" in (await until_refused(ws))["message"]


async def test_refuses_a_socket_without_a_key(base_url: str) -> None:
    url = f"{base_url.replace('http', 'ws')}/v1/text-to-speech/{GEORGE}/multi-stream-input"
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with connect(url):
            pass
    assert caught.value.response.status_code == 401


async def test_sdk_streams_and_converts_to_mp3(base_url: str) -> None:
    speech = client(base_url).text_to_speech
    streamed = b"".join([part async for part in speech.stream(GEORGE, text=LINE, model_id="eleven_flash_v2_5")])
    converted = b"".join([part async for part in speech.convert(GEORGE, text=LINE)])
    for mp3 in (streamed, converted):
        with av.open(io.BytesIO(mp3), mode="r") as file:
            seconds = sum(len(frame.to_ndarray()[0]) for frame in file.decode(file.streams.audio[0])) / 44100
        assert 1.0 < seconds < 4.5


async def test_sdk_streams_with_timestamps(base_url: str) -> None:
    stream = client(base_url).text_to_speech.stream_with_timestamps(GEORGE, text=LINE, output_format="pcm_16000")
    chunks = [chunk async for chunk in stream]
    chars: list[str] = []
    ends: list[float] = []
    for chunk in chunks:
        assert chunk.alignment is not None
        chars += chunk.alignment.characters
        ends += chunk.alignment.character_end_times_seconds
    seconds = sum(len(base64.b64decode(chunk.audio_base_64)) for chunk in chunks) / 2 / SAMPLE_RATE
    assert "".join(chars) == f" {LINE} "
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(seconds, abs=0.01)


async def test_sdk_converts_with_timestamps_as_it_streams_with_them(base_url: str) -> None:
    speech = client(base_url).text_to_speech
    whole = await speech.convert_with_timestamps(GEORGE, text=LINE, output_format="pcm_16000")
    streamed = [chunk async for chunk in speech.stream_with_timestamps(GEORGE, text=LINE, output_format="pcm_16000")]
    starts = [start for chunk in streamed if chunk.alignment for start in chunk.alignment.character_start_times_seconds]
    assert whole.alignment is not None
    assert "".join(whole.alignment.characters) == f" {LINE} "
    assert whole.alignment.character_start_times_seconds == pytest.approx(starts, abs=0.005)
    assert base64.b64decode(whole.audio_base_64) == b"".join(
        base64.b64decode(chunk.audio_base_64) for chunk in streamed
    )


async def test_sdk_finds_voices_with_a_sample_to_hear(base_url: str, http: aiohttp.ClientSession) -> None:
    voices = client(base_url).voices
    found = await voices.search()
    listed = await voices.get_all()
    assert [voice.voice_id for voice in found.voices] == [voice.voice_id for voice in listed.voices]
    assert len(found.voices) == 4
    assert [voice.name for voice in (await voices.search(search="george")).voices] == ["George"]
    assert (await voices.get(GEORGE)).name == "George"
    samples = set()
    for voice in found.voices:
        assert voice.labels
        assert voice.preview_url
        async with http.get(voice.preview_url) as response:
            samples.add((await response.read())[:4000])
    assert len(samples) == 4
    assert decode_wav(min(samples))[1] == SAMPLE_RATE
    with pytest.raises(ApiError) as caught:
        await voices.get("nobody")
    assert caught.value.status_code == 404


async def test_pages_of_voices(base_url: str) -> None:
    voices = client(base_url).voices
    first = await voices.search(page_size=3)
    assert first.has_more
    rest = await voices.search(page_size=3, next_page_token=first.next_page_token)
    assert len(rest.voices) == 1
    assert not rest.has_more
