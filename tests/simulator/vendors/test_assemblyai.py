"""AssemblyAI's streaming websocket, by its raw protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import aiohttp
import numpy as np
import pytest
import yaml
from websockets import ConnectionClosedError
from websockets.asyncio.client import ClientConnection, connect

from simulator.speech.audio import AudioFormat, encode
from simulator.speech.marks import NO_WORDS, add_mark
from simulator.speech.pcm import SAMPLE_RATE
from tests.simulator.conftest import SECOND, say

HOURS = "Hello, could you tell me your opening hours, please?"
HOURS_UNFORMATTED = "hello could you tell me your opening hours please"
TUESDAY = "Tuesday morning at ten would be perfect."
UNIVERSAL = {"speech_model": "universal-streaming-english"}
PRO = {"speech_model": "u3-rt-pro"}
PIECE = 1600  # bytes: 50 ms, the least that the service takes


def milliseconds(count: int) -> bytes:
    return bytes(count * 32)


class Caller:
    """A websocket to which audio goes in pieces of 50 ms, faster than real time."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws
        self.messages: list[dict[str, Any]] = []
        self._rest = b""

    async def say(self, *parts: bytes) -> None:
        stream = self._rest + b"".join(parts)
        whole = len(stream) - len(stream) % PIECE
        for start in range(0, whole, PIECE):
            await self.ws.send(stream[start : start + PIECE])
            await asyncio.sleep(0)
        self._rest = stream[whole:]

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.ws.send(json.dumps({"type": kind, **fields}))

    async def until(self, **fields: Any) -> dict[str, Any]:
        """Read up to the first message with these fields."""
        async with asyncio.timeout(20):
            async for text in self.ws:
                message: dict[str, Any] = json.loads(text)
                self.messages.append(message)
                if all(message.get(name) == value for name, value in fields.items()):
                    return message
        raise AssertionError(f"closed before {fields}: {self.messages}")

    async def finish(self) -> list[dict[str, Any]]:
        """Terminate, and return every message."""
        await self.tell("Terminate")
        return await self.rest()

    async def rest(self) -> list[dict[str, Any]]:
        """Read until the server closes."""
        async with asyncio.timeout(20):
            with suppress(ConnectionClosedError):  # with a code of its own
                async for text in self.ws:
                    self.messages.append(json.loads(text))
        return self.messages


@asynccontextmanager
async def calling(base_url: str, options: Mapping[str, Any], key: str | None = "any") -> AsyncIterator[Caller]:
    url = f"{base_url.replace('http', 'ws')}/v3/ws?{urlencode({'sample_rate': 16000, **options})}"
    async with connect(url, additional_headers={"Authorization": key} if key else {}) as ws:
        yield Caller(ws)


def turns(messages: list[dict[str, Any]], **fields: Any) -> list[dict[str, Any]]:
    """The Turn messages with these fields."""
    found = [message for message in messages if message["type"] == "Turn"]
    return [turn for turn in found if all(turn[name] == value for name, value in fields.items())]


async def learn(base_url: str, *steps: Any) -> None:
    document = yaml.safe_dump({"name": "learned", "caller": {"steps": list(steps)}})
    async with aiohttp.ClientSession(base_url) as http, http.put("/control/scenario", json={"yaml": document}) as put:
        assert put.status == 200


async def test_a_session_begins_and_is_terminated(base_url: str) -> None:
    async with calling(base_url, PRO) as caller:
        begin = await caller.until(type="Begin")
        await caller.say(SECOND)
        messages = await caller.finish()
    assert begin["configuration"]["model"] == "u3-rt-pro"
    assert begin["configuration"]["mode"] == "balanced"
    assert [message["type"] for message in messages] == ["Begin", "Termination"]
    assert messages[-1]["audio_duration_seconds"] == 1
    assert (caller.ws.close_code, caller.ws.close_reason) == (1000, "Session Ended")


async def test_the_model_is_universal_streaming_unless_asked_for(base_url: str) -> None:
    async with calling(base_url, {"speechModel": "u3-rt-pro"}) as caller:
        assert (await caller.until(type="Begin"))["configuration"]["model"] == "universal-streaming-english"


async def test_universal_streaming_tells_word_after_word_and_takes_none_back(base_url: str) -> None:
    async with calling(base_url, UNIVERSAL) as caller:
        await caller.say(SECOND, await say(HOURS), SECOND)
        messages = await caller.finish()
    partials = [turn["transcript"] for turn in turns(messages, end_of_turn=False)]
    assert len(partials) >= 5
    assert all(later.startswith(earlier) for earlier, later in pairwise(partials))
    first = turns(messages)[0]
    assert first["transcript"] == "hello"
    assert [word["word_is_final"] for word in first["words"]] == [False]
    (end,) = [turn for turn in turns(messages, end_of_turn=True) if turn["transcript"]]
    assert end["transcript"] == end["utterance"] == HOURS_UNFORMATTED
    assert end["end_of_turn_confidence"] >= 0.4
    assert all(word["word_is_final"] for word in end["words"])
    assert 900 < end["words"][0]["start"] < end["words"][0]["end"] < 1600
    assert "SpeechStarted" not in [message["type"] for message in messages]


async def test_a_formatted_turn_comes_after_the_unformatted_one(base_url: str) -> None:
    async with calling(base_url, {**UNIVERSAL, "format_turns": "true"}) as caller:
        await caller.say(SECOND, await say(HOURS), SECOND, await say(TUESDAY), SECOND)
        messages = await caller.finish()
    ends = [(turn["turn_order"], turn["turn_is_formatted"]) for turn in turns(messages, end_of_turn=True)]
    assert ends == [(0, False), (0, True), (1, False), (1, True), (2, False)]
    assert [turn["transcript"] for turn in turns(messages, turn_is_formatted=True)] == [HOURS, TUESDAY]


async def test_terminating_ends_the_turn_that_has_not_begun(base_url: str) -> None:
    async with calling(base_url, UNIVERSAL) as caller:
        await caller.say(SECOND)
        *_, turn, _termination = await caller.finish()
    assert (turn["end_of_turn"], turn["transcript"], turn["words"]) == (True, "", [])


async def test_universal_streaming_waits_longer_when_it_is_not_confident(base_url: str) -> None:
    options = {**UNIVERSAL, "end_of_turn_confidence_threshold": 1, "min_turn_silence": 160, "max_turn_silence": 800}
    async with calling(base_url, options) as caller:
        await caller.say(SECOND, await say(HOURS), milliseconds(700))
        await caller.until(utterance=HOURS_UNFORMATTED)
        assert not turns(caller.messages, end_of_turn=True)
        await caller.say(milliseconds(200))
        assert (await caller.until(end_of_turn=True))["transcript"] == HOURS_UNFORMATTED


async def test_pro_announces_speech_and_tells_few_whole_partials(base_url: str) -> None:
    async with calling(base_url, PRO) as caller:
        await caller.say(SECOND, await say(HOURS), SECOND)
        messages = await caller.finish()
    kinds = [message["type"] for message in messages]
    assert kinds == ["Begin", "SpeechStarted", "Turn", "Turn", "Termination"]
    assert messages[1]["timestamp"] == pytest.approx(1000, abs=60)
    partial, end = turns(messages)
    assert not any(word["word_is_final"] for word in partial["words"])
    assert HOURS.startswith(partial["transcript"])
    assert (partial["turn_is_formatted"], partial["utterance"]) == (False, "")
    assert (end["transcript"], end["utterance"], end["turn_is_formatted"]) == (HOURS, HOURS, True)
    assert end["end_of_turn_confidence"] == 1
    assert all(word["word_is_final"] for word in end["words"])


async def test_pro_tells_a_pause_that_ends_no_sentence_and_waits(base_url: str) -> None:
    first, rest = "I would like", "to book a cleaning."
    await learn(base_url, {"play": {"clip": "pause.wav", "says": [first, rest]}})
    async with calling(base_url, {**PRO, "interruption_delay": 1000}) as caller:
        await caller.say(SECOND, await say(first), milliseconds(600), await say(rest), SECOND)
        messages = await caller.finish()
    assert first in [turn["transcript"] for turn in turns(messages, end_of_turn=False)]
    assert [turn["transcript"] for turn in turns(messages, end_of_turn=True)] == [f"{first} {rest}"]


async def test_pro_ends_a_turn_at_any_pause_if_the_silences_are_equal(base_url: str) -> None:
    first, rest = "I would like", "to book a cleaning."
    await learn(base_url, {"play": {"clip": "pause.wav", "says": [first, rest]}})
    async with calling(base_url, {**PRO, "min_turn_silence": 100, "max_turn_silence": 100}) as caller:
        await caller.say(SECOND, await say(first), milliseconds(600), await say(rest), SECOND)
        messages = await caller.finish()
    assert [turn["transcript"] for turn in turns(messages, end_of_turn=True)] == [first, rest]


@pytest.mark.parametrize("model", [UNIVERSAL, PRO])
async def test_a_turn_ends_on_demand(base_url: str, model: dict[str, str]) -> None:
    async with calling(base_url, {**model, "min_turn_silence": 5000, "max_turn_silence": 5000}) as caller:
        await caller.say(SECOND, await say(HOURS), milliseconds(220))
        await caller.tell("ForceEndpoint")
        end = await caller.until(end_of_turn=True)
        assert end["words"][-1]["text"].startswith("please")
        await caller.say(SECOND, await say(TUESDAY), milliseconds(220))
        await caller.tell("ForceEndpoint")
        assert (await caller.until(end_of_turn=True))["turn_order"] == 1


@pytest.mark.parametrize("model", [UNIVERSAL, PRO])
async def test_a_turn_that_is_ended_within_a_line_has_the_words_so_far(base_url: str, model: dict[str, str]) -> None:
    line = await say(HOURS)
    async with calling(base_url, model) as caller:
        await caller.say(SECOND, line[: len(line) // 2 // 2 * 2], milliseconds(150))
        await caller.tell("ForceEndpoint")
        first = await caller.until(end_of_turn=True)
        await caller.say(milliseconds(150), line[len(line) // 2 // 2 * 2 :], SECOND)
        second = await caller.until(end_of_turn=True)
    assert 2 <= len(first["words"]) <= 6
    words = [word["text"] for word in first["words"] + second["words"]]
    assert " ".join(words) in (HOURS, HOURS_UNFORMATTED)


@pytest.mark.parametrize("model", [UNIVERSAL, PRO])
async def test_a_sound_without_words_is_no_turn(base_url: str, model: dict[str, str]) -> None:
    noise = np.random.default_rng(3).normal(0, 3000, round(0.6 * SAMPLE_RATE)).astype(np.int16)
    async with calling(base_url, model) as caller:
        await caller.say(SECOND, add_mark(noise, NO_WORDS).tobytes(), SECOND)
        messages = await caller.finish()
    assert not [turn for turn in turns(messages) if turn["transcript"]]
    assert "SpeechStarted" not in [message["type"] for message in messages]


async def test_silences_can_be_changed_during_the_session(base_url: str) -> None:
    async with calling(base_url, {**UNIVERSAL, "end_of_turn_confidence_threshold": 1}) as caller:
        await caller.tell("UpdateConfiguration", min_turn_silence=200, max_turn_silence=200, keyterms_prompt=["ten"])
        await caller.say(SECOND, await say(HOURS), milliseconds(500), await say(TUESDAY), milliseconds(500))
        messages = await caller.finish()
    assert len([turn for turn in turns(messages, end_of_turn=True) if turn["transcript"]]) == 2


async def test_telephone_audio_is_heard(base_url: str) -> None:
    pcm = np.frombuffer(SECOND + await say(HOURS) + SECOND, dtype="<i2")
    data = encode(pcm, AudioFormat("mulaw", 8000))
    async with calling(base_url, {**PRO, "sample_rate": 8000, "encoding": "pcm_mulaw"}) as caller:
        for start in range(0, len(data), 400):
            await caller.ws.send(data[start : start + 400])
        # a telephone's 4 kHz cut away a part of the signature, but not the speech
        assert (await caller.until(end_of_turn=True))["transcript"]


async def test_the_language_is_told_if_asked_for(base_url: str) -> None:
    async with calling(base_url, {**PRO, "language_detection": "true"}) as caller:
        await caller.say(SECOND, await say(HOURS), SECOND)
        assert (await caller.until(end_of_turn=True))["language_code"] == "en"


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (None, "Unauthorized Connection: Missing Authorization header"),
        ("invalid", "Unauthorized Connection: Invalid API key"),
    ],
)
async def test_a_wrong_key_is_refused_after_the_handshake(base_url: str, key: str | None, error: str) -> None:
    async with calling(base_url, PRO, key) as caller:
        messages = await caller.rest()
    assert messages == [{"type": "Error", "error_code": 1008, "error": error}]
    assert (caller.ws.close_code, caller.ws.close_reason) == (1008, "See Error message for details")


async def test_a_temporary_token_takes_the_place_of_the_key(base_url: str) -> None:
    async with calling(base_url, {**PRO, "token": "temporary"}, key=None) as caller:
        await caller.until(type="Begin")


@pytest.mark.parametrize(
    "options",
    [
        {"speech_model": "nova-3"},
        {"sample_rate": "fast"},
        {"encoding": "opus"},
        {**UNIVERSAL, "prompt": "A call to a dentist."},
        {**UNIVERSAL, "mode": "min_latency"},
        {"end_of_turn_confidence_threshold": 2},
    ],
)
async def test_wrong_parameters_are_refused(base_url: str, options: dict[str, Any]) -> None:
    async with calling(base_url, options) as caller:
        (error,) = await caller.rest()
    assert (error["type"], error["error_code"]) == ("Error", 3006)
    assert next(reversed(options)) in error["error"]
    assert caller.ws.close_code == 3006


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"type": "Sing"}', "Invalid Message Type: Sing"),
        ("{", "Invalid JSON: {"),
        ("[]", "Invalid Message: []"),
        ('{"type": "UpdateConfiguration", "max_turn_silence": -1}', "max_turn_silence must be from 0 to 60000"),
    ],
)
async def test_messages_that_make_no_sense_end_the_session(base_url: str, text: str, error: str) -> None:
    async with calling(base_url, PRO) as caller:
        await caller.ws.send(text)
        assert error in (await caller.until(type="Error", error_code=3006))["error"]
        await caller.ws.wait_closed()
    assert caller.ws.close_code == 3006


@pytest.mark.parametrize("pieces", [[milliseconds(32), milliseconds(32)], [milliseconds(1100)]])
async def test_audio_in_pieces_too_short_or_too_long_ends_the_session(base_url: str, pieces: list[bytes]) -> None:
    async with calling(base_url, PRO) as caller:
        for piece in pieces:
            await caller.ws.send(piece)
        error = await caller.until(type="Error", error_code=3007)
    assert "Expected between 50 and 1000 ms" in error["error"]


async def test_the_last_piece_of_a_stream_may_be_short(base_url: str) -> None:
    async with calling(base_url, PRO) as caller:
        await caller.ws.send(milliseconds(20))
        assert (await caller.finish())[-1]["type"] == "Termination"


@pytest.mark.parametrize(("kind", "code"), [("429", 3009), ("500", 3005)])
async def test_limits_and_failures_are_errors_after_the_handshake(
    base_url: str, http: aiohttp.ClientSession, kind: str, code: int
) -> None:
    fault = {"stage": "stt", "kind": kind, "count": 1, "model": "u3-rt-pro"}
    async with http.put("/control/faults", json=fault) as response:
        assert response.status == 200
    async with calling(base_url, UNIVERSAL) as caller:
        await caller.until(type="Begin")
    async with calling(base_url, PRO) as caller:
        (error,) = await caller.rest()
    assert (error["error_code"], caller.ws.close_code) == (code, code)


async def test_connections_are_counted(base_url: str, http: aiohttp.ClientSession) -> None:
    async with calling(base_url, PRO) as caller:
        await caller.until(type="Begin")
    async with http.get("/control/requests") as response:
        assert (await response.json())["counts"] == {"stt.assemblyai": 1}
