"""One persona's pipeline: a list that reads from the caller's ear to the caller's ear."""

from dataclasses import dataclass

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameProcessor

from agents.models import PersonaVersion
from workers.media.latency import LatencyMeter
from workers.media.speech_meter import SAMPLE_RATE
from workers.media.transport import CallTransport
from workers.providers import services
from workers.providers.failover.llm import FailoverLLM
from workers.providers.failover.stt import FailoverSTT
from workers.providers.failover.tts import FailoverTTS
from workers.providers.speech.cached_lines import CallLines
from workers.tools import functions
from workers.turns import policies
from workers.turns.agent_turns import AgentTurns
from workers.turns.barge_in import BargeIn
from workers.turns.deaf_watch import DeafWatch
from workers.turns.policies import CallerTurns


@dataclass(frozen=True, slots=True)
class CallPipeline:
    """The parts of a pipeline that a conversation has to do with."""

    processors: list[FrameProcessor]
    stt: FailoverSTT
    llm: FailoverLLM
    tts: FailoverTTS
    caller: CallerTurns
    agent: AgentTurns
    latency: LatencyMeter
    barge_in: BargeIn

    def worker(self) -> PipelineWorker:
        """The pipeline, ready to run; without the observers that Pipecat adds and nobody here reads."""
        return PipelineWorker(
            Pipeline(self.processors),
            params=PipelineParams(audio_in_sample_rate=SAMPLE_RATE, audio_out_sample_rate=SAMPLE_RATE),
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
        )


def build(version: PersonaVersion, transport: CallTransport, lines: CallLines) -> CallPipeline:
    """The pipeline of a published version, on a transport, with the lines that its voice has said before."""
    stt, llm = services.make_stt(version), services.make_llm(version)
    tts = services.make_tts(version, lines, llm)
    barge_in = BargeIn(transport.output(), version.language)
    transport.input().listeners.append(barge_in.hear)
    context = LLMContext(tools=functions.schema(version.tools))
    caller = CallerTurns(context, params=policies.user_params(version, barge_in))
    agent = AgentTurns(context)
    latency = LatencyMeter(transport.input(), transport.output())
    latency.watch(stt, caller, llm, tts)
    deaf_watch = DeafWatch(stt, transport.output())
    transport.input().listeners.append(deaf_watch.hear)
    stt.add_event_handler("on_before_push_frame", deaf_watch.note)
    return CallPipeline(
        processors=[transport.input(), stt, caller, llm, tts, transport.output(), agent],
        stt=stt,
        llm=llm,
        tts=tts,
        caller=caller,
        agent=agent,
        latency=latency,
        barge_in=barge_in,
    )
