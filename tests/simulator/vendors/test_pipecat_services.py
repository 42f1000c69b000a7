"""Pipecat's own services, unchanged, against the simulator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from anthropic import AsyncAnthropic
from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    ErrorFrame,
    FunctionCallInProgressFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.assemblyai.stt import AssemblyAISTTService
from pipecat.services.cartesia.tts import CartesiaHttpTTSService, CartesiaTTSService
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsHttpTTSService, ElevenLabsTTSService
from pipecat.services.llm_service import FunctionCallParams, LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.tts_service import TTSService

from tests.simulator.conftest import SECOND, say
from tests.sink import Sink, running

HOURS = "Hello, could you tell me your opening hours, please?"
VOICE = "JBFqnCBsd6RMkjVDRZzb"
CARTESIA_VOICE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"


@asynccontextmanager
async def pipeline(service: FrameProcessor) -> AsyncIterator[tuple[PipelineWorker, Sink, Sink]]:
    """A running pipeline of one service; gives the worker, what goes down, and what goes up."""
    up, down = Sink(), Sink()
    async with running(up, service, down) as worker:
        yield worker, down, up


async def hear(worker: PipelineWorker, pcm: bytes) -> None:
    for start in range(0, len(pcm), 1024):
        await worker.queue_frame(InputAudioRawFrame(pcm[start : start + 1024], sample_rate=16000, num_channels=1))


async def test_flux_service_hears_an_eager_and_a_final_turn(base_url: str) -> None:
    service = DeepgramFluxSTTService(
        api_key="any",
        url=f"{base_url.replace('http', 'ws')}/v2/listen",
        enable_eager_end_of_turn=True,
        settings=DeepgramFluxSTTService.Settings(keyterm=["cleaning"]),
    )
    async with pipeline(service) as (worker, down, _):
        await hear(worker, SECOND + await say(HOURS) + SECOND)
        transcription = await down.until(TranscriptionFrame)
        assert transcription.text == HOURS
        assert transcription.finalized
        assert [frame.text for frame in down.of(EagerTranscriptionFrame)] == [HOURS]


async def test_nova_service_finalizes(base_url: str) -> None:
    service = DeepgramSTTService(
        api_key="any", base_url=base_url, settings=DeepgramSTTService.Settings(endpointing=False)
    )
    async with pipeline(service) as (worker, down, _):
        await hear(worker, SECOND + await say(HOURS) + SECOND[:6400])
        await worker.queue_frame(VADUserStoppedSpeakingFrame())
        transcription = await down.until(TranscriptionFrame)
        assert transcription.text == HOURS
        assert transcription.finalized


async def test_nova_service_gives_up_on_a_wrong_key(base_url: str) -> None:
    async with pipeline(DeepgramSTTService(api_key="invalid", base_url=base_url)) as (_, __, up):
        assert "401" in (await up.until(ErrorFrame)).error


def assemblyai(base_url: str, key: str = "any", model: str = "u3-rt-pro", **options: Any) -> AssemblyAISTTService:
    url = f"{base_url.replace('http', 'ws')}/v3/ws"
    settings = AssemblyAISTTService.Settings(model=model)
    return AssemblyAISTTService(api_key=key, api_endpoint_base_url=url, settings=settings, **options)


@pytest.mark.parametrize("model", ["u3-rt-pro", "universal-streaming-english"])
async def test_assemblyai_service_ends_a_turn_when_told(base_url: str, model: str) -> None:
    async with pipeline(assemblyai(base_url, model=model)) as (worker, down, up):
        await hear(worker, SECOND + await say(HOURS) + SECOND[:2560])
        await down.until(InterimTranscriptionFrame)
        await worker.queue_frame(VADUserStoppedSpeakingFrame())
        transcription = await down.until(TranscriptionFrame)
        assert transcription.text == HOURS
        assert transcription.finalized
        assert not down.of(ProposedUserStoppedSpeakingFrame)
        assert not up.of(ErrorFrame)


async def test_assemblyai_service_finds_the_turns(base_url: str) -> None:
    async with pipeline(assemblyai(base_url, vad_force_turn_endpoint=False)) as (worker, down, up):
        await hear(worker, SECOND + await say(HOURS) + SECOND)
        assert (await down.until(TranscriptionFrame)).text == HOURS
        await down.until(ProposedUserStoppedSpeakingFrame)
        heard = (ProposedUserStartedSpeakingFrame, InterimTranscriptionFrame, TranscriptionFrame)
        order = [type(frame) for frame in down.frames if isinstance(frame, heard)]
        assert order[0] is ProposedUserStartedSpeakingFrame
        assert order[-1] is TranscriptionFrame
        assert InterimTranscriptionFrame in order
        assert not up.of(ErrorFrame)


async def test_assemblyai_service_is_refused_with_a_wrong_key(base_url: str) -> None:
    async with pipeline(assemblyai(base_url, key="invalid")) as (_, __, up):
        # Pipecat reads no Error message: it says that it came, not what it says
        assert "message type: Error" in (await up.until(ErrorFrame)).error


def voice(vendor: str, base_url: str) -> TTSService:
    """Pipecat's websocket service for a vendor's voices."""
    url = base_url.replace("http", "ws")
    if vendor == "elevenlabs":
        settings = ElevenLabsTTSService.Settings(voice=VOICE, stability=0.5)
        return ElevenLabsTTSService(api_key="any", url=url, settings=settings)
    cartesia = CartesiaTTSService.Settings(voice=CARTESIA_VOICE)
    return CartesiaTTSService(api_key="any", url=f"{url}/tts/websocket", settings=cartesia)


@pytest.mark.parametrize("vendor", ["elevenlabs", "cartesia"])
async def test_tts_service_speaks_with_word_times(base_url: str, vendor: str) -> None:
    async with pipeline(voice(vendor, base_url)) as (worker, down, up):
        await worker.queue_frame(TTSSpeakFrame("We are open from nine to five. What can I do for you?"))
        await down.until(TTSStoppedFrame)
        seconds = sum(len(frame.audio) for frame in down.of(TTSAudioRawFrame)) / 32000
        assert 2 < seconds < 6
        words = " ".join(frame.text for frame in down.of(TTSTextFrame))
        assert words == "We are open from nine to five. What can I do for you?"
        assert not up.of(ErrorFrame)


async def test_cartesia_service_speaks_the_sentences_of_a_reply_in_one_context(base_url: str) -> None:
    async with pipeline(voice("cartesia", base_url)) as (worker, down, up):
        await worker.queue_frames(
            [
                LLMFullResponseStartFrame(),
                LLMTextFrame("We are open. "),
                LLMTextFrame("What can I do for you?"),
                LLMFullResponseEndFrame(),
            ]
        )
        await down.until(TTSStoppedFrame)
        assert " ".join(frame.text for frame in down.of(TTSTextFrame)) == "We are open. What can I do for you?"
        assert len({frame.context_id for frame in down.of(TTSAudioRawFrame)}) == 1
        assert not up.of(ErrorFrame)


async def test_cartesia_service_starts_anew_after_an_interruption(base_url: str) -> None:
    async with pipeline(voice("cartesia", base_url)) as (worker, down, up):
        await worker.queue_frame(TTSSpeakFrame("Nobody hears this sentence to its end."))
        await down.until(TTSAudioRawFrame)
        await worker.queue_frame(InterruptionFrame())
        await down.until(InterruptionFrame)
        said = len(down.of(TTSTextFrame))
        await worker.queue_frame(TTSSpeakFrame("Yes?"))
        await down.until(TTSTextFrame, count=said + 1)
        assert [frame.text for frame in down.of(TTSTextFrame)][said:] == ["Yes?"]
        assert not up.of(ErrorFrame)


@pytest.mark.parametrize("vendor", ["elevenlabs", "cartesia"])
@pytest.mark.parametrize("kind", ["429", "500", "refuse"])
async def test_tts_service_reports_a_fault(base_url: str, http: aiohttp.ClientSession, vendor: str, kind: str) -> None:
    async with http.put("/control/faults", json={"stage": "tts", "kind": kind}) as response:
        assert response.status == 200
    async with pipeline(voice(vendor, base_url)) as (_, __, up):
        assert (await up.until(ErrorFrame)).error


async def test_cartesia_http_service_speaks(base_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        service = CartesiaHttpTTSService(
            api_key="any",
            aiohttp_session=session,
            base_url=base_url,
            settings=CartesiaHttpTTSService.Settings(voice=CARTESIA_VOICE),
        )
        async with pipeline(service) as (worker, down, _):
            await worker.queue_frame(TTSSpeakFrame("Thank you for calling. Goodbye."))
            await down.until(TTSStoppedFrame)
            assert sum(len(frame.audio) for frame in down.of(TTSAudioRawFrame)) > 32000


async def test_elevenlabs_http_service_speaks(base_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        service = ElevenLabsHttpTTSService(
            api_key="any",
            aiohttp_session=session,
            base_url=base_url,
            settings=ElevenLabsHttpTTSService.Settings(voice=VOICE),
        )
        async with pipeline(service) as (worker, down, _):
            await worker.queue_frame(TTSSpeakFrame("Thank you for calling. Goodbye."))
            await down.until(TTSStoppedFrame)
            assert sum(len(frame.audio) for frame in down.of(TTSAudioRawFrame)) > 32000
            assert " ".join(frame.text for frame in down.of(TTSTextFrame)) == "Thank you for calling. Goodbye."


def language_model(vendor: str, base_url: str) -> LLMService[Any]:
    """Pipecat's service for a vendor's models."""
    if vendor == "openai":
        return OpenAILLMService(api_key="any", base_url=f"{base_url}/v1")
    client = AsyncAnthropic(api_key="any", base_url=base_url, max_retries=0)
    settings = AnthropicLLMService.Settings(model="claude-haiku-4-5")
    return AnthropicLLMService(api_key="any", client=client, settings=settings)


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_llm_service_speaks_and_calls_a_tool(base_url: str, vendor: str) -> None:
    from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
    from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema

    called: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def end_call(params: FunctionCallParams) -> None:
        called.set_result(dict(params.arguments))
        await params.result_callback({"result": "done"})

    service = language_model(vendor, base_url)
    service.register_function("end_call", end_call)
    schema = FunctionSchema("end_call", "Hang up.", {"reason": {"type": "string"}}, [])
    context = LLMContext([{"role": "user", "content": "Goodbye!"}], tools=ToolsSchema([schema]))
    async with pipeline(service) as (worker, down, _):
        await worker.queue_frame(LLMContextFrame(context))
        await down.until(LLMFullResponseEndFrame)
        text = "".join(frame.text for frame in down.of(LLMTextFrame))
        assert text == "Thank you for calling. Have a lovely day. Goodbye."
        assert await asyncio.wait_for(called, 10) == {"reason": "caller said goodbye"}
        assert (await down.until(FunctionCallInProgressFrame)).function_name == "end_call"


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
@pytest.mark.parametrize("kind", ["429", "500", "garbage", "refuse"])
async def test_llm_service_reports_a_fault(base_url: str, http: aiohttp.ClientSession, vendor: str, kind: str) -> None:
    async with http.put("/control/faults", json={"stage": "llm", "kind": kind}) as response:
        assert response.status == 200
    async with pipeline(language_model(vendor, base_url)) as (worker, _, up):
        await worker.queue_frame(LLMContextFrame(LLMContext([{"role": "user", "content": "Hello"}])))
        assert (await up.until(ErrorFrame)).error
