"""One persona's pipeline: a list that reads from the caller's ear to the caller's ear."""

from dataclasses import dataclass
from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMContextAggregatorPair,
    LLMUserAggregator,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService

from agents.models import PersonaVersion
from workers import providers, tools, turns
from workers.latency import LatencyObserver
from workers.transport import SAMPLE_RATE, CallTransport


@dataclass(frozen=True, slots=True)
class CallPipeline:
    """The parts of a pipeline that a conversation has to do with."""

    processors: list[FrameProcessor]
    llm: LLMService[Any]
    caller: LLMUserAggregator
    agent: LLMAssistantAggregator
    latency: LatencyObserver

    def worker(self) -> PipelineWorker:
        """The pipeline, ready to run; without the observers that Pipecat adds and nobody here reads."""
        return PipelineWorker(
            Pipeline(self.processors),
            params=PipelineParams(audio_in_sample_rate=SAMPLE_RATE, audio_out_sample_rate=SAMPLE_RATE),
            observers=[self.latency],
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
        )


def build(version: PersonaVersion, transport: CallTransport) -> CallPipeline:
    """The pipeline of a published version, on a transport."""
    llm = providers.make_llm(version)
    context = LLMContext(tools=tools.schema(version.tools))
    turn_takers = LLMContextAggregatorPair(context, user_params=turns.user_params(version))
    return CallPipeline(
        processors=[
            transport.input(),
            providers.make_stt(version),
            turn_takers.user(),
            llm,
            providers.make_tts(version),
            transport.output(),
            turn_takers.assistant(),
        ],
        llm=llm,
        caller=turn_takers.user(),
        agent=turn_takers.assistant(),
        latency=LatencyObserver(transport.input(), transport.output()),
    )
