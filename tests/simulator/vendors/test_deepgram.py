"""The speech-to-text provider, driven by Deepgram's SDK and plain websockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
import websockets
from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment
from deepgram.core import ApiError
from deepgram.core.events import EventType
from deepgram.listen.v1.types import ListenV1CloseStream, ListenV1Finalize, ListenV1Metadata, ListenV1Results
from websockets.asyncio.client import ClientConnection, connect

from tests.simulator.conftest import SECOND, say

HOURS = "Hello, could you tell me your opening hours, please?"
TUESDAY = "Tuesday morning at ten would be perfect."
FLUX = "/v2/listen?model=flux-general-en&sample_rate=16000&encoding=linear16"
NOVA = "/v1/listen?model=nova-3-general&language=en&encoding=linear16&sample_rate=16000&channels=1"

AUTHORIZED = {"Authorization": "Token any"}


def milliseconds(count: int) -> bytes:
    return bytes(count * 32)


class Listener:
    """A websocket to which audio goes in frames of 32 ms, faster than real time."""

    def __init__(self, ws: ClientConnection) -> None:
        self._ws = ws
        self.messages: list[dict[str, Any]] = []

    async def hear(self, *parts: bytes) -> None:
        stream = b"".join(parts)
        for start in range(0, len(stream), 1024):
            await self._ws.send(stream[start : start + 1024])
            await asyncio.sleep(0)

    async def tell(self, kind: str, **fields: Any) -> None:
        await self._ws.send(json.dumps({"type": kind, **fields}))

    async def until(self, *, seconds: float = 20, **fields: Any) -> dict[str, Any]:
        """Read up to the first message with these fields."""
        async with asyncio.timeout(seconds):
            async for text in self._ws:
                message: dict[str, Any] = json.loads(text)
                self.messages.append(message)
                if all(message.get(name) == value for name, value in fields.items()):
                    return message
        raise AssertionError(f"closed before {fields}: {self.kinds()}")

    async def finish(self) -> list[dict[str, Any]]:
        """Close the stream, and return every message."""
        await self.tell("CloseStream")
        async with asyncio.timeout(20):
            self.messages += [json.loads(text) async for text in self._ws]
        return self.messages

    def kinds(self) -> list[str]:
        return [message.get("event", message["type"]) for message in self.messages]


def text_of(message: dict[str, Any]) -> str:
    """The transcript of a message of either protocol."""
    return str(message.get("transcript") or message.get("channel", {}).get("alternatives", [{}])[0].get("transcript"))


@asynccontextmanager
async def listening(base_url: str, path: str) -> AsyncIterator[Listener]:
    async with connect(base_url.replace("http", "ws") + path, additional_headers=AUTHORIZED) as ws:
        yield Listener(ws)


def changes(messages: list[dict[str, Any]]) -> list[str]:
    """The events of Flux that change its state."""
    return [message["event"] for message in messages if message.get("event") not in (None, "Update")]


async def test_flux_hears_two_turns(base_url: str) -> None:
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, await say(HOURS), SECOND, await say(TUESDAY), SECOND)
        messages = await flux.finish()
    assert messages[0]["type"] == "Connected"
    assert [message["sequence_id"] for message in messages] == list(range(len(messages)))
    assert changes(messages) == ["StartOfTurn", "EndOfTurn"] * 2
    first, second = [message for message in messages if message.get("event") == "EndOfTurn"]
    assert (first["turn_index"], first["transcript"]) == (0, HOURS)
    assert (second["turn_index"], second["transcript"]) == (1, TUESDAY)
    assert first["end_of_turn_confidence"] >= 0.7
    assert first["trigger"] == "model"
    assert " ".join(word["word"] for word in first["words"]) == HOURS


async def test_flux_predicts_the_end_of_a_turn_and_takes_it_back(base_url: str) -> None:
    async with listening(base_url, f"{FLUX}&eager_eot_threshold=0.5") as flux:
        await flux.hear(SECOND, await say(HOURS), milliseconds(160), await say(TUESDAY), SECOND)
        messages = await flux.finish()
    assert changes(messages) == ["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"]
    eager = [message["transcript"] for message in messages if message.get("event") == "EagerEndOfTurn"]
    assert eager == [HOURS, f"{HOURS} {TUESDAY}"]
    assert [message for message in messages if message.get("event") == "EndOfTurn"][-1]["transcript"] == eager[-1]


async def test_flux_predicts_nothing_unless_asked(base_url: str) -> None:
    async with listening(base_url, FLUX) as flux:
        await flux.hear(await say(HOURS), milliseconds(150), await say(TUESDAY), SECOND)
        assert changes(await flux.finish()) == ["StartOfTurn", "EndOfTurn"]


async def test_a_short_hole_in_a_line_does_not_end_the_turn_of_flux(base_url: str) -> None:
    line = await say(HOURS)
    async with listening(base_url, f"{FLUX}&eager_eot_threshold=0.5") as flux:
        await flux.hear(SECOND, line, SECOND)  # from now on the length of the line is known
        await flux.until(event="EndOfTurn")
        for part in (3000, len(line) // 6 * 2):  # 94 ms cannot be read at all
            await flux.hear(SECOND, line[:part], milliseconds(400), line[part:], SECOND)
        messages = await flux.finish()
    ends = [message["transcript"] for message in messages if message.get("event") == "EndOfTurn"]
    assert ends == [HOURS] * 3


@pytest.mark.parametrize("path", [f"{FLUX}&eager_eot_threshold=0.5", f"{NOVA}&endpointing=200"])
async def test_a_caller_whose_audio_comes_late_has_not_paused(base_url: str, path: str) -> None:
    async with listening(base_url, path) as service:
        line = await say(HOURS)
        await service.hear(SECOND, line[: len(line) // 2])
        await asyncio.sleep(1)
        await service.hear(line[len(line) // 2 :], SECOND)
        messages = await service.finish()
    ends = [message for message in messages if message.get("event") == "EndOfTurn" or message.get("speech_final")]
    assert len(ends) == 1
    assert "TurnResumed" not in service.kinds()


@pytest.mark.parametrize("path", [f"{FLUX}&eager_eot_threshold=0.5", f"{NOVA}&endpointing=200&interim_results=true"])
async def test_the_words_after_holes_in_the_sound_are_not_given_twice(base_url: str, path: str) -> None:
    async with listening(base_url, path) as service:
        line = await say(HOURS)
        cuts = [len(line) // 6 * number // 2 * 2 for number in (2, 4)]
        await service.hear(SECOND, line[: cuts[0]], milliseconds(500), line[cuts[0] : cuts[1]])
        await service.hear(milliseconds(500), line[cuts[1] :])
        await service.hear(milliseconds(1500), await say(HOURS), SECOND)
        messages = await service.finish()
    finals = [m for m in messages if m.get("event") == "EndOfTurn" or (m.get("speech_final") and text_of(m))]
    assert [text_of(final) for final in finals] == [HOURS, HOURS]
    assert service.kinds().count("StartOfTurn") in (0, 2)


async def test_flux_ends_no_turn_in_less_than_200_ms(base_url: str) -> None:
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, await say(HOURS), milliseconds(180))
        await flux.tell("Configure", thresholds={"eot_threshold": 0.8})
        await flux.until(type="ConfigureSuccess")
        assert "EndOfTurn" not in flux.kinds()
        await flux.hear(milliseconds(100))
        await flux.until(event="EndOfTurn")


async def test_flux_ends_a_turn_on_demand(base_url: str) -> None:
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, await say(HOURS))
        await flux.tell("ForceEndTurn")
        assert (await flux.until(event="EndOfTurn"))["trigger"] == "manual"


async def test_flux_with_full_threshold_waits_for_the_timeout(base_url: str) -> None:
    async with listening(base_url, f"{FLUX}&eot_threshold=1.0&eot_timeout_ms=1500") as flux:
        await flux.hear(await say(HOURS), SECOND, SECOND)
        end = await flux.until(event="EndOfTurn")
    assert end["trigger"] == "timeout"


async def test_flux_refuses_a_configuration_out_of_range(base_url: str) -> None:
    async with listening(base_url, FLUX) as flux:
        await flux.tell("Configure", thresholds={"eot_threshold": 7})
        failure = await flux.until(type="ConfigureFailure")
    assert "eot_threshold must be from 0.5 to 1" in failure["description"]


async def test_flux_ends_on_a_message_it_cannot_read(base_url: str) -> None:
    async with listening(base_url, FLUX) as flux:
        await flux.tell("Sing")
        assert (await flux.until(type="Error"))["code"] == "UNPARSABLE_CLIENT_MESSAGE"


async def test_unknown_speech_is_still_speech(base_url: str) -> None:
    from simulator.speech.synthesis import EspeakSynthesizer

    unmarked = await EspeakSynthesizer().synthesize("Nobody wrote this line down.", "caller")
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, unmarked, SECOND)
        assert (await flux.until(event="EndOfTurn"))["transcript"] == "(speech)"


async def test_silence_and_clicks_start_no_turn(base_url: str) -> None:
    click = b"\x00\x60" * 160
    async with listening(base_url, FLUX) as flux:
        await flux.hear(SECOND, click, SECOND, click, SECOND)
        assert changes(await flux.finish()) == []


@pytest.mark.parametrize("encoding", ["mulaw", "alaw"])
async def test_flux_hears_telephone_codecs(base_url: str, encoding: Literal["mulaw", "alaw"]) -> None:
    import numpy as np

    from simulator.speech.audio import AudioFormat, encode

    pcm = np.frombuffer(SECOND + await say(HOURS) + SECOND, dtype="<i2")
    path = f"/v2/listen?model=flux-general-en&sample_rate=8000&encoding={encoding}"
    async with listening(base_url, path) as flux:
        await flux.hear(encode(pcm, AudioFormat(encoding, 8000)))
        # a telephone's 4 kHz cut away a part of the signature, but not the speech
        assert (await flux.until(event="EndOfTurn"))["transcript"]


async def test_nova_gives_interim_and_final_results(base_url: str) -> None:
    path = f"{NOVA}&interim_results=true&vad_events=true&utterance_end_ms=1000&endpointing=300"
    async with listening(base_url, path) as nova:
        await nova.hear(SECOND, await say(HOURS), SECOND, SECOND)
        await nova.until(type="UtteranceEnd")
        messages = [message for message in await nova.finish() if message["type"] != "Results" or text_of(message)]
    assert messages[0]["type"] == "SpeechStarted"
    results = [message for message in messages if message["type"] == "Results"]
    assert len(results) > 3
    *interim, final = results
    assert not any(result["is_final"] for result in interim)
    assert (final["is_final"], final["speech_final"], final["from_finalize"]) == (True, True, False)
    best = final["channel"]["alternatives"][0]
    assert best["transcript"] == HOURS
    assert best["words"][0]["word"] == "hello"
    assert best["words"][0]["punctuated_word"] == "Hello,"
    assert messages[-1]["type"] == "Metadata"


async def test_nova_reports_every_second_that_it_hears_no_words(base_url: str) -> None:
    async with listening(base_url, f"{NOVA}&interim_results=true") as nova:
        await nova.hear(SECOND * 3, milliseconds(200))
        results = [message for message in await nova.finish() if message["type"] == "Results"]
    assert [(text_of(result), result["is_final"]) for result in results] == [("", False)] * 3


async def test_nova_makes_results_final_when_told(base_url: str) -> None:
    async with listening(base_url, f"{NOVA}&endpointing=false") as nova:
        await nova.hear(SECOND, await say(HOURS), milliseconds(220))
        await nova.tell("Finalize")
        final = await nova.until(type="Results", from_finalize=True)
        assert final["channel"]["alternatives"][0]["transcript"] == HOURS
        await nova.tell("Finalize")
        assert (await nova.until(type="Results"))["channel"]["alternatives"][0]["transcript"] == ""


@pytest.mark.parametrize("pause_ms", [220, 1500])
async def test_nova_told_to_finish_within_a_line_gives_the_words_so_far_and_later_the_rest(
    base_url: str, pause_ms: int
) -> None:
    line = await say(HOURS)
    async with listening(base_url, f"{NOVA}&endpointing=false") as nova:
        await nova.hear(SECOND, line[: len(line) // 2 // 2 * 2], milliseconds(220))
        await nova.tell("Finalize")
        first = text_of(await nova.until(type="Results", from_finalize=True))
        await nova.hear(milliseconds(pause_ms - 220), line[len(line) // 2 // 2 * 2 :], milliseconds(220))
        await nova.tell("Finalize")
        second = text_of(await nova.until(type="Results", from_finalize=True))
    assert 2 <= len(first.split()) <= 6
    assert f"{first} {second}" == HOURS


async def test_nova_gives_the_next_line_after_one_that_it_was_told_to_finish(base_url: str) -> None:
    async with listening(base_url, f"{NOVA}&endpointing=false") as nova:
        for line in (HOURS, TUESDAY):
            await nova.hear(await say(line), milliseconds(220))
            await nova.tell("Finalize")
            assert text_of(await nova.until(type="Results", from_finalize=True)) == line


async def test_nova_reports_what_it_heard_before_it_closes(base_url: str) -> None:
    async with listening(base_url, NOVA) as nova:
        await nova.hear(SECOND, await say(TUESDAY))
        messages = await nova.finish()
    assert [message["type"] for message in messages] == ["Results", "Metadata"]
    assert messages[0]["channel"]["alternatives"][0]["transcript"] == TUESDAY
    assert messages[1]["duration"] > 2


async def test_deepgram_sdk_streams_to_nova(base_url: str) -> None:
    environment = DeepgramClientEnvironment(
        base=base_url, production=base_url.replace("http", "ws"), agent=base_url, agent_rest=base_url
    )
    heard: list[Any] = []
    client = AsyncDeepgramClient(api_key="any", environment=environment)
    async with client.listen.v1.connect(
        model="nova-3", encoding="linear16", sample_rate="16000", interim_results="false"
    ) as nova:
        nova.on(EventType.MESSAGE, heard.append)
        listening_task = asyncio.create_task(nova.start_listening())
        await nova.send_media(SECOND + await say(TUESDAY))
        await nova.send_finalize(ListenV1Finalize(type="Finalize"))
        await nova.send_close_stream(ListenV1CloseStream(type="CloseStream"))
        await asyncio.wait_for(listening_task, 10)
    assert [type(message) for message in heard] == [ListenV1Results, ListenV1Metadata]
    assert heard[0].channel.alternatives[0].transcript == TUESDAY
    with pytest.raises(ApiError) as caught:
        async with AsyncDeepgramClient(api_key="invalid", environment=environment).listen.v1.connect(model="nova-3"):
            pass
    assert caught.value.status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/listen?model=nova-3", 400),
        (f"{FLUX}&eot_threshold=2", 400),
        (f"{FLUX}&eot_threshold=0.5&eager_eot_threshold=0.6", 400),
        ("/v2/listen?model=flux-general-en&encoding=opus", 400),
        (f"{NOVA}&utterance_end_ms=1000", 400),
    ],
)
async def test_refuses_wrong_parameters(base_url: str, path: str, status: int) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with listening(base_url, path):
            pass
    assert caught.value.response.status_code == status


@pytest.mark.parametrize("path", [FLUX, NOVA])
async def test_refuses_a_listener_without_a_key(base_url: str, path: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with connect(base_url.replace("http", "ws") + path):
            pass
    assert caught.value.response.status_code == 401


async def test_a_slow_recognizer_loses_no_turn(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from simulator.speech.recognition import ScriptedRecognizer

    transcribe = ScriptedRecognizer.transcribe
    released = asyncio.Event()

    async def slow(self: ScriptedRecognizer, pcm16k: Any) -> str:
        await released.wait()
        return await transcribe(self, pcm16k)

    monkeypatch.setattr(ScriptedRecognizer, "transcribe", slow)
    monkeypatch.setattr(ScriptedRecognizer, "word_by_word", False)  # those that are slow tell whole turns
    async with listening(base_url, f"{FLUX}&eager_eot_threshold=0.5") as flux:
        await flux.hear(
            SECOND, await say(HOURS), SECOND, await say(TUESDAY), milliseconds(150), await say(HOURS), SECOND
        )
        released.set()
        await flux.until(event="EndOfTurn", turn_index=1)
    ends = [message["transcript"] for message in flux.messages if message.get("event") == "EndOfTurn"]
    assert ends == [HOURS, f"{TUESDAY} {HOURS}"]
