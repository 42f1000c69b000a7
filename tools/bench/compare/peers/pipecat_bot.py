"""The benchmark's peer: a bot of stock Pipecat 1.14 with its defaults, one process per call.

Run as `python pipecat_bot.py <room>` in its own environment, by pipecat_dispatcher.py.
"""

import asyncio
import os
import sys

from livekit import api
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.stt_service import STTService
from pipecat.transports.livekit.transport import LiveKitParams, LiveKitTransport
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies
from pipecat.workers.runner import WorkerRunner

SIMULATOR = os.environ["BENCH_SIMULATOR"]
SOCKETS = SIMULATOR.replace("http", "ws", 1)


def token(room: str) -> str:
    """A token that lets the bot into the room, as an agent."""
    grants = api.VideoGrants(room_join=True, room=room, agent=True)
    return api.AccessToken().with_identity("pipecat").with_kind("agent").with_grants(grants).to_jwt()


def hearing() -> tuple[STTService, LLMUserAggregatorParams]:
    """Speech to text and the rule for the end of a turn."""
    if os.environ["BENCH_POLICY"] == "silence":
        # Pipecat's own rule: Silero with 200 ms of silence, judged by smart-turn v3.
        nova = DeepgramSTTService(api_key="simulator", base_url=SIMULATOR)
        return nova, LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    flux = DeepgramFluxSTTService(api_key="simulator", url=f"{SOCKETS}/v2/listen", enable_eager_end_of_turn=True)
    return flux, LLMUserAggregatorParams(user_turn_strategies=EagerUserTurnStrategies())


async def main(room: str) -> None:
    """Hold one call."""
    params = LiveKitParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = LiveKitTransport(os.environ["LIVEKIT_URL"], token(room), room, params)
    stt, user_params = hearing()
    llm = OpenAILLMService(
        api_key="simulator",
        base_url=f"{SIMULATOR}/v1",
        settings=OpenAILLMService.Settings(model="gpt-4.1-mini", system_instruction=os.environ["BENCH_PROMPT"]),
    )
    tts = ElevenLabsTTSService(
        api_key="simulator",
        url=SOCKETS,
        settings=ElevenLabsTTSService.Settings(model="eleven_flash_v2_5", voice=os.environ["BENCH_VOICE"]),
    )
    turns = LLMContextAggregatorPair(LLMContext(), user_params=user_params)
    steps = [transport.input(), stt, turns.user(), llm, tts, transport.output(), turns.assistant()]
    worker = PipelineWorker(Pipeline(steps))

    @transport.event_handler("on_first_participant_joined")
    async def greet(*_) -> None:
        await worker.queue_frame(TTSSpeakFrame(os.environ["BENCH_GREETING"]))

    @transport.event_handler("on_participant_left")
    async def end(*_) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="INFO")
    asyncio.run(main(sys.argv[1]))
