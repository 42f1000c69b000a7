"""Lines that the voice has said before: played frame for frame as if the voice said them now."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pytest_django import Settings

from agents.models import PersonaVersion
from agents.providers import registry
from agents.providers.accounts import account_of
from agents.voices import speech
from simulator.app import running_simulator
from tests.sink import Sink, running
from workers.providers import services
from workers.providers.elevenlabs import lines
from workers.providers.elevenlabs.tts import ElevenLabs
from workers.providers.speech.cached_lines import CallLines, Line

GREETING = "Hello, this is Anna. How can I help you?"


class Voice:
    """A running text-to-speech service: its worker, what it says, and which texts it asks ElevenLabs for."""

    def __init__(self, worker: PipelineWorker, said: Sink, errors: Sink, asked: list[str], closed: list[str]) -> None:
        self.worker = worker
        self.said = said
        self.errors = errors
        self.asked = asked
        self.closed = closed

    async def take(self, *frames: Frame) -> None:
        await self.worker.queue_frames(frames)


@asynccontextmanager
async def speaking(version: PersonaVersion, found: CallLines) -> AsyncIterator[Voice]:
    service = services.make_tts(version, found, services.make_llm(version))
    asked: list[str] = []
    closed: list[str] = []
    up, down = Sink(), Sink()
    async with running(up, service, down) as worker:
        live = service._speaker._voice
        assert isinstance(live, ElevenLabs)
        send, close = live._send_text, live._close_context

        async def noted_send(text: str, context_id: str) -> None:
            asked.append(text)
            await send(text, context_id)

        async def noted_close(context_id: str) -> None:
            closed.append(context_id)
            await close(context_id)

        live._send_text, live._close_context = noted_send, noted_close  # type: ignore[method-assign]
        yield Voice(worker, down, up, asked, closed)


@pytest.fixture
async def unsaved(settings: Settings) -> AsyncIterator[PersonaVersion]:
    """A version that is not in the database, whose voice is a simulated ElevenLabs."""
    async with running_simulator() as url:
        settings.ELEVENLABS_BASE_URL = url
        yield PersonaVersion(prompt="You sell bread.", voice_id="JBFqnCBsd6RMkjVDRZzb", number=1)


async def _with_line(version: PersonaVersion, text: str = GREETING) -> CallLines:
    line = speech.Line(text, version.tts_model, version.voice_id, version.language)
    account = account_of(registry.get("elevenlabs"))
    said = await asyncio.to_thread(lines.speak, account, line, speech.TIMEOUT_S)
    found = CallLines()
    found._lines[text] = Line(said.pcm, [(word, start / 1000) for word, start in said.words])
    return found


IN_A_REPLY = [
    LLMFullResponseStartFrame,
    lambda: LLMTextFrame("One and two. "),
    lambda: TTSSpeakFrame(GREETING),
    lambda: LLMTextFrame("Three and four. "),
    LLMFullResponseEndFrame,
]
ALONE = [lambda: TTSSpeakFrame(GREETING)]
UNRECORDED = [lambda: TTSSpeakFrame(GREETING, append_to_context=False)]
TWICE = [*ALONE, *UNRECORDED]
KINDS = (TTSStartedFrame, TTSStoppedFrame, TTSTextFrame, LLMAssistantPushAggregationFrame, LLMFullResponseEndFrame)


@pytest.mark.parametrize(
    ("frames", "utterances"), [(ALONE, 1), (UNRECORDED, 1), (TWICE, 2), (IN_A_REPLY, 2)],
    ids=["alone", "unrecorded", "twice", "in a reply"],
)  # fmt: skip
async def test_a_line_is_played_frame_for_frame_as_the_voice_would_say_it(
    unsaved: PersonaVersion, frames: list[Any], utterances: int
) -> None:
    heard = []
    for found in (CallLines(), await _with_line(unsaved)):
        async with speaking(unsaved, found) as voice:
            await voice.take(*(make() for make in frames))
            await voice.said.until(TTSStoppedFrame, utterances)
            if frames is IN_A_REPLY:
                await voice.said.until(LLMFullResponseEndFrame)
        assert not voice.errors.of(ErrorFrame)
        heard.append(voice)
    live, played = heard

    assert GREETING in live.asked
    assert GREETING not in played.asked
    assert played.said.words() == live.said.words()
    assert _outline(played.said) == _outline(live.said)
    assert _pcm(played.said) == _pcm(live.said)
    assert max(len(frame.audio) for frame in played.said.of(TTSAudioRawFrame)) <= 3_200 or frames is IN_A_REPLY


def _outline(said: Sink) -> list[tuple[str, str, bool | None]]:
    """Every frame but audio, with its text and whether it is for the language model's context."""
    return [
        (type(frame).__name__, getattr(frame, "text", ""), getattr(frame, "append_to_context", None))
        for frame in said.frames
        if isinstance(frame, KINDS)
    ]


def _pcm(said: Sink) -> bytes:
    return b"".join(frame.audio for frame in said.of(TTSAudioRawFrame))


async def test_the_words_of_a_line_have_the_times_that_they_would_have_live(unsaved: PersonaVersion) -> None:
    times = []
    for found in (CallLines(), await _with_line(unsaved)):
        async with speaking(unsaved, found) as voice:
            await voice.take(TTSSpeakFrame(GREETING))
            await voice.said.until(TTSStoppedFrame)
        pts = [frame.pts or 0 for frame in voice.said.of(TTSTextFrame)]
        times.append([(each - pts[0]) / 1e6 for each in pts])

    assert times[1] == pytest.approx(times[0], abs=10)  # milliseconds; live times are rounded chunk by chunk


async def test_a_sentence_of_the_model_is_never_played_from_memory(unsaved: PersonaVersion) -> None:
    async with speaking(unsaved, await _with_line(unsaved, "Goodbye.")) as voice:
        await voice.take(LLMFullResponseStartFrame(), LLMTextFrame("Goodbye."), LLMFullResponseEndFrame())
        await voice.said.until(LLMFullResponseEndFrame)

    assert "".join(voice.asked).strip() == "Goodbye."


async def test_an_interrupted_line_is_dropped_and_the_voice_continues_live(unsaved: PersonaVersion) -> None:
    async with speaking(unsaved, await _with_line(unsaved)) as voice:
        await voice.take(TTSSpeakFrame(GREETING))
        await voice.said.until(TTSAudioRawFrame)
        await voice.take(InterruptionFrame())
        await voice.said.until(InterruptionFrame)
        assert voice.closed == []  # ElevenLabs knows nothing of it

        await voice.take(TTSSpeakFrame("Yes, please?"), TTSSpeakFrame(GREETING))
        await voice.said.until(LLMAssistantPushAggregationFrame, 2)

    assert voice.asked == ["Yes, please?"]
    assert voice.said.words().endswith(f"Yes, please? {GREETING}")
    assert not voice.errors.of(ErrorFrame)


async def test_a_warm_up_opens_the_models_connection_and_any_answer_will_do(settings: Settings) -> None:
    version = PersonaVersion(prompt="You sell bread.", voice_id="rachel", number=1)
    async with running_simulator() as url:
        settings.OPENAI_BASE_URL = f"{url}/v1"
        llm: Any = services.make_llm(version)
        async with running(llm):
            await llm.warm_up()
        [model] = llm._models.values()
        [connection] = model._client._client._transport._pool.connections
        assert connection.is_idle()
    settings.OPENAI_BASE_URL = "http://127.0.0.1:1/v1"
    llm = services.make_llm(version)
    async with running(llm):
        await llm.warm_up()
