"""A conversation from greeting to goodbye: who speaks, what is recorded, and why it ends."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    ErrorFrame,
    Frame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_response_universal import AssistantTurnStoppedMessage, UserTurnStoppedMessage
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService

from agents.lines import SORRY, SORRY_GOODBYE
from agents.models import PersonaVersion
from calls.models import Call
from calls.models.history import Speaker
from calls.states import EndReason, Status
from workers import providers, tools
from workers.pipeline import CallPipeline
from workers.recorder import CallRecorder
from workers.transport import CallTransport

log = structlog.get_logger(__name__)

ANSWER_WITHIN_S = 10.0  # from the end of the caller's turn to the agent's first audio; a caller would hang up
FAILURES_MAX = 2  # replies in a row that fail before the call is given up
LAST_WORDS_S = 15.0  # how long a goodbye may take
TAIL_S = 0.3  # audio that has left and is still on its way to the caller's ear
STAGES: dict[str, type[FrameProcessor]] = {"stt": STTService, "llm": LLMService, "tts": TTSService}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended: a final status, the reason from the fixed vocabulary, and what exactly failed."""

    status: Status
    reason: EndReason
    detail: str = ""


class Conversation:
    """Connects a running pipeline with the call's rules. `ending` is set once, by whatever ends the call first."""

    def __init__(
        self,
        call: Call,
        version: PersonaVersion,
        pipeline: CallPipeline,
        worker: PipelineWorker,
        transport: CallTransport,
        recorder: CallRecorder,
    ) -> None:
        self._call = call
        self._version = version
        self._pipeline = pipeline
        self._worker = worker
        self._transport = transport
        self._recorder = recorder
        self.ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn_started_at: datetime | None = None
        self._reply_started_at: datetime | None = None
        self._agent_stopped = asyncio.Event()  # since it last began to say something, finished or interrupted
        self._agent_stopped.set()
        self._agent_answered = asyncio.Event()  # since the caller's last turn, to the end of what it had to say
        self._caller_turn_over = asyncio.Event()  # for the whole pipeline, to its last processor
        self._said = ""
        self._silences = 0
        self._failures = 0
        self._path_ms = 0
        self._answer_timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._listen()

    # --- Beginning and end --------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Greet the caller, who has just been connected, and start the clock of the longest duration."""
        self._recorder.answered()
        self._later(self._version.max_duration_s, self._close, EndReason.MAX_DURATION)
        await self._say(self._version.greeting)
        self._spawn(providers.warm_up(self._pipeline.llm, self._version))

    def end(self, status: Status, reason: EndReason, detail: str = "") -> None:
        """End the call for this reason, unless it has another already."""
        if not self.ending.done():
            self.ending.set_result(Ending(status, reason, detail))

    def stop(self) -> None:
        """Let go of timers and tasks: the call is over."""
        if self._answer_timer is not None:
            self._answer_timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def _close(self, reason: EndReason, words: str | None = None) -> None:
        """Say goodbye, wait until it has been heard, and end the call."""
        if self._closing:
            return
        self._closing = True
        await self._say_and_wait(self._version.goodbye if words is None else words)
        failed = reason == EndReason.PROVIDER_FAILURE
        self.end(Status.FAILED if failed else Status.COMPLETED, reason)

    async def _hang_up(self) -> None:
        """The language model ends the conversation; cancelled when the caller speaks up meanwhile."""
        self._closing = True
        try:
            await self._within_last_words(self._agent_answered)
            if self._said:
                await self._heard()
            else:
                await self._say_and_wait(self._version.goodbye)
        except asyncio.CancelledError:
            self._closing = False
            raise
        self.end(Status.COMPLETED, EndReason.AGENT_GOODBYE)

    # --- Speaking -----------------------------------------------------------------------------------------------------

    async def _say(self, words: str) -> None:
        self._agent_stopped.clear()
        await self._worker.queue_frame(TTSSpeakFrame(words))

    async def _say_and_wait(self, words: str) -> None:
        await self._within_last_words(self._agent_stopped)  # what it is saying now
        await self._say(words)
        await self._within_last_words(self._agent_stopped)
        await self._heard()

    async def _within_last_words(self, event: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await event.wait()
        except TimeoutError:
            log.warning("words_not_said")

    async def _heard(self) -> None:
        await self._transport.output().wait_for_playout()
        await asyncio.sleep(TAIL_S)

    # --- What happens -------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        register = tools.Registration(
            self._recorder, self._hang_up, self._caller_turn_over.wait, self._start_answer_timer
        )
        register.all(self._pipeline.llm, self._version.tools)
        self._pipeline.llm.add_event_handler("on_function_calls_started", self._on_tools_started)
        caller, agent = self._pipeline.caller, self._pipeline.agent
        caller.add_event_handler("on_user_turn_started", self._on_caller_turn_started)
        caller.add_event_handler("on_user_turn_stopped", self._on_caller_turn_stopped)
        caller.add_event_handler("on_user_turn_idle", self._on_silence)
        agent.add_event_handler("on_assistant_turn_started", self._on_agent_turn_started)
        agent.add_event_handler("on_assistant_turn_stopped", self._on_agent_turn_stopped)
        self._transport.add_event_handler("on_participant_left", self._on_participant_left)
        self._transport.add_event_handler("on_disconnected", self._on_disconnected)
        self._transport.add_event_handler("on_dtmf_event", self._on_dtmf)
        self._worker.set_reached_downstream_filter(
            (BotStartedSpeakingFrame, UserStartedSpeakingFrame, UserStoppedSpeakingFrame)
        )
        self._worker.add_event_handler("on_frame_reached_downstream", self._on_frame_passed)
        self._worker.add_event_handler("on_pipeline_error", self._on_error)
        self._worker.add_event_handler("on_pipeline_finished", self._on_pipeline_finished)

    async def _on_caller_turn_started(self, *_: Any) -> None:
        self._turn_started_at = timezone.now()
        self._silences = 0
        self._agent_answered.clear()
        self._said = ""
        self._stop_answer_timer()

    async def _on_caller_turn_stopped(self, _aggregator: Any, _strategy: Any, message: UserTurnStoppedMessage) -> None:
        now = timezone.now()
        if message.content:
            self._recorder.turn(
                Speaker.CALLER, message.content, self._turn_started_at or now, self._caller_stopped(now)
            )
            self._start_answer_timer()
            self._path_ms = await self._transport.path_ms()

    async def _on_agent_turn_started(self, *_: Any) -> None:
        self._agent_stopped.clear()
        self._reply_started_at = timezone.now()

    async def _on_agent_turn_stopped(self, _aggregator: Any, message: AssistantTurnStoppedMessage) -> None:
        if message.content:
            now = timezone.now()
            self._recorder.turn(
                Speaker.AGENT,
                message.content,
                self._agent_started(now),
                now,
                interrupted=message.interrupted,
                latency=self._pipeline.latency.take(self._path_ms),
            )
        if not message.interrupted:
            self._said = message.content
            self._agent_answered.set()
        self._agent_stopped.set()

    async def _on_frame_passed(self, _worker: Any, frame: Frame) -> None:
        match frame:
            case BotStartedSpeakingFrame():
                self._stop_answer_timer()
                self._failures = 0
            case UserStartedSpeakingFrame():
                self._caller_turn_over.clear()
            case UserStoppedSpeakingFrame():
                self._caller_turn_over.set()

    async def _on_tools_started(self, *_: Any) -> None:
        self._stop_answer_timer()  # each tool has a deadline of its own; the timer starts again with its result

    async def _on_silence(self, _aggregator: Any) -> None:
        if self._closing:
            return
        self._silences += 1
        if self._silences > self._version.silence_prompts_max:
            self._spawn(self._close(EndReason.SILENCE))
        else:
            self._recorder.event("silence", times=self._silences)
            await self._say(self._version.silence_prompt)

    async def _on_participant_left(self, _transport: Any, identity: str, _reason: str) -> None:
        if identity != self._call.caller_identity:
            return
        if self._transport.room_was_closed():
            self.end(Status.FAILED, EndReason.ROOM_GONE)
        else:
            self.end(Status.COMPLETED, EndReason.CALLER_LEFT)

    async def _on_disconnected(self, _transport: Any) -> None:
        self.end(Status.FAILED, EndReason.ROOM_GONE)

    async def _on_dtmf(self, _transport: Any, data: dict[str, Any]) -> None:
        self._recorder.event("dtmf", digit=str(data["digit"]))

    async def _on_pipeline_finished(self, _worker: Any, _frame: Any) -> None:
        self.end(Status.FAILED, EndReason.PIPELINE_ERROR, "the pipeline ended by itself")

    # --- What goes wrong ----------------------------------------------------------------------------------------------

    async def _on_error(self, _worker: Any, frame: ErrorFrame) -> None:
        processor = frame.processor
        stage = next((name for name, kind in STAGES.items() if isinstance(processor, kind)), "pipeline")
        log.error("provider_error", stage=stage, category=str(frame.category), error=frame.error[:200])
        self._recorder.event("error", stage=stage, category=str(frame.category), error=frame.error[:200])
        if processor is not None and not processor.is_usable:
            self._failures = FAILURES_MAX
        if isinstance(processor, STTService) and processor.is_usable:
            return  # it connects again by itself
        await self._reply_failed(f"{stage}: {frame.error}", can_speak=not isinstance(processor, TTSService))

    async def _reply_failed(self, detail: str, *, can_speak: bool = True) -> None:
        """The caller waits for a reply that does not come: say so, or give the call up."""
        self._stop_answer_timer()
        self._failures += 1
        if self._closing:
            return
        if self._failures < FAILURES_MAX and can_speak:
            await self._say(SORRY)
        elif self._failures < FAILURES_MAX:
            self._start_answer_timer()
        elif can_speak:
            self._spawn(self._close(EndReason.PROVIDER_FAILURE, SORRY_GOODBYE))
        else:
            self.end(Status.FAILED, EndReason.PROVIDER_FAILURE, detail)

    def _start_answer_timer(self) -> None:
        self._stop_answer_timer()
        loop = asyncio.get_running_loop()
        self._answer_timer = loop.call_later(
            ANSWER_WITHIN_S, lambda: self._spawn(self._reply_failed(f"no reply within {ANSWER_WITHIN_S:g} s"))
        )

    def _stop_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    # --- Time ---------------------------------------------------------------------------------------------------------

    def _caller_stopped(self, now: datetime) -> datetime:
        ear = self._transport.input()
        return now - _since(ear.get_clock().get_time(), ear.last_speech_ns)

    def _agent_started(self, now: datetime) -> datetime:
        voice = self._transport.output()
        if voice.first_speech_ns is None:
            return self._reply_started_at or now
        return now - _since(voice.get_clock().get_time(), voice.first_speech_ns)

    def _later(self, seconds: float, function: Any, *args: Any) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await function(*args)

        self._spawn(wait())

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _since(now_ns: int, then_ns: int | None) -> timedelta:
    return timedelta(microseconds=max(0, now_ns - then_ns) / 1000) if then_ns is not None else timedelta()
