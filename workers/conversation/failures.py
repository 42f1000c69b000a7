"""What an agent does when a provider fails or a reply does not come: ask again, and finally give up the call."""

import asyncio

import structlog
from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.tts_service import TTSService

from agents.models import PersonaVersion
from agents.phrases import phrases_of
from calls.livekit import rooms
from calls.models import Call
from calls.states import TRANSFERRED_BECAUSE, EndReason, Status
from workers.conversation.answer_timer import ANSWER_WITHIN_S, AnswerTimer
from workers.conversation.progress import Progress
from workers.conversation.speaking import Speaking
from workers.history.recorder import CallRecorder
from workers.pipeline import CallPipeline
from workers.process.background import Background
from workers.providers.failover.stt import FailoverSTT
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

FAILURES_MAX = 2  # replies in a row that fail before the call is given up
TRANSFER_WITHIN_S = 30.0  # longer than it may ring: calls.livekit.rooms.TRANSFER_RINGS
STAGES: dict[str, type[FrameProcessor]] = {"stt": FailoverSTT, "llm": LLMService, "tts": TTSService}


class Failures:
    """Counts the replies in a row that failed. `answer_timer` finds those of which nobody says so.

    What providers were replaced for is recorded here, too: the caller may have noticed a pause.
    """

    def __init__(
        self,
        call: Call,
        version: PersonaVersion,
        pipeline: CallPipeline,
        recorder: CallRecorder,
        progress: Progress,
        speaking: Speaking,
        background: Background,
    ) -> None:
        self._call = call
        self._version = version
        self._phrases = phrases_of(version)
        self._pipeline = pipeline
        self._recorder = recorder
        self._progress = progress
        self._speaking = speaking
        self._background = background
        self._in_a_row = 0
        self.answer_timer = AnswerTimer(self._not_answered)

    @property
    def too_many(self) -> bool:
        """Whether to give up the call."""
        return self._in_a_row >= FAILURES_MAX

    def listen(self, worker: PipelineWorker) -> None:
        """Hear of errors, failovers and replies from the pipeline's services."""
        worker.add_event_handler("on_pipeline_error", self._on_error)
        for service in (self._pipeline.stt, self._pipeline.llm, self._pipeline.tts):
            service.add_event_handler("on_failover", self._on_failover)
        self._pipeline.llm.add_event_handler("on_answered", self._on_answered)
        self._pipeline.stt.add_event_handler("on_deaf", self._on_deaf)
        self._pipeline.tts.add_event_handler("on_mute", self._on_mute)

    async def _on_failover(self, _service: object, failed: Target, taken: Target, why: str) -> None:
        places = {"from": str(failed), "to": str(taken)}
        self._recorder.event("failover", stage=failed.stage, provider=failed.provider, why=why, **places)

    async def _on_deaf(self, _stt: object, target: Target) -> None:
        self._recorder.event("recognizer_deaf", stage=target.stage, provider=target.provider, target=str(target))

    async def _on_mute(self, _tts: object, target: Target) -> None:
        self._recorder.event("voice_mute", stage=target.stage, provider=target.provider, target=str(target))

    async def _on_answered(self, _llm: object) -> None:
        self._in_a_row = 0  # whatever else was said, such as that the agent is sorry, is no reply

    async def _on_error(self, _worker: object, frame: ErrorFrame) -> None:
        processor = frame.processor
        stage = next((name for name, kind in STAGES.items() if isinstance(processor, kind)), "pipeline")
        log.error("provider_error", stage=stage, category=str(frame.category))  # its text may quote the caller
        detail = {"stage": stage, "provider": self._provider(stage, processor), "category": str(frame.category)}
        self._recorder.event("error", **detail, error=frame.error[:200])
        tts = self._pipeline.tts
        if (processor is not None and not processor.is_usable) or (processor is tts and tts.is_down):
            self._in_a_row = FAILURES_MAX
        await self._reply_failed(f"{stage}: {frame.error}", can_speak=processor is not tts)

    def _provider(self, stage: str, processor: FrameProcessor | None) -> str:
        """Whose error it is: that of the target that a service works with, if it says which; else the persona's own."""
        target: Target | None = getattr(processor, "target", None)
        return target.provider if target else getattr(self._version, f"{stage}_provider", "")

    def _not_answered(self) -> None:
        if self._speaking.is_heard:  # a tool has found something, and the agent still says that it looks
            self.answer_timer.start()
            return
        self._background.spawn(self._reply_failed(f"no reply within {ANSWER_WITHIN_S:g} s"))

    async def _reply_failed(self, detail: str, *, can_speak: bool = True) -> None:
        """The caller waits for a reply that does not come: say so, or give up the call."""
        self.answer_timer.stop()
        self._in_a_row += 1
        if self._progress.closing or not self._progress.begun:
            return
        if self.too_many:
            self._background.spawn(self.give_up(detail))
        elif can_speak:
            await self._speaking.say(self._phrases.say_again)
        else:
            self.answer_timer.start()

    async def give_up(self, why: str) -> None:
        """Apologize, and have the caller connected with someone else, or hang up. The words need no provider."""
        if self._progress.closing:
            return
        self._progress.closing = True
        try:
            if self._version.transfer_number:
                await self._speaking.say_and_wait(self._phrases.connecting)
                if await self._transfer():
                    self._progress.end(Status.FAILED, EndReason.PROVIDER_FAILURE, f"{TRANSFERRED_BECAUSE}{why}")
                    return
            await self._speaking.say_and_wait(self._phrases.goodbye)
        except Exception:
            log.exception("apology_not_said")
        self._progress.end(Status.FAILED, EndReason.PROVIDER_FAILURE, why)

    async def _transfer(self) -> bool:
        self._progress.transferring = True
        try:
            async with asyncio.timeout(TRANSFER_WITHIN_S):
                await rooms.transfer(self._call.room_name, self._call.caller_identity, self._version.transfer_number)
        except Exception as error:
            log.warning("transfer_failed", error=type(error).__name__)
            self._recorder.event("transfer_failed", error=f"{type(error).__name__}: {error}"[:200])
            self._progress.transferring = False
            return False
        self._recorder.event("transferred")
        return True
