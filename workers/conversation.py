"""A conversation from greeting to goodbye: who speaks, what is recorded, and why it ends."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    ErrorFrame,
    Frame,
    LLMMessagesAppendFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_response_universal import AssistantTurnStoppedMessage, UserTurnStoppedMessage
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.tts_service import TTSService

from agents.lines import RESUMED, SORRY, SORRY_CONNECTING, SORRY_GOODBYE
from agents.models import PersonaVersion
from calls import rooms
from calls.models import Call, Turn
from calls.models.history import Speaker
from calls.states import EndReason, Status
from workers import messages, providers, tools
from workers.failover_stt import FailoverSTT
from workers.pipeline import CallPipeline
from workers.recorder import CallRecorder
from workers.targets import Target
from workers.transport import CallTransport

log = structlog.get_logger(__name__)

ANSWER_WITHIN_S = 10.0  # from the end of the caller's turn to the agent's first audio; a caller would hang up
FAILURES_MAX = 2  # replies in a row that fail before the call is given up
LAST_WORDS_S = 15.0  # how long a goodbye may take
LAST_ANSWER_S = 30.0  # how long a call that is handed over waits for its agent to finish what the caller asked for
TRANSFER_WITHIN_S = 30.0  # longer than it may ring: calls.rooms.TRANSFER_RINGS
TAIL_S = 0.3  # audio that has left and is still on its way to the caller's ear
STAGES: dict[str, type[FrameProcessor]] = {"stt": FailoverSTT, "llm": LLMService, "tts": TTSService}


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
        self._begun = False
        self._transferring = False
        self._path_ms = 0
        self._answer_timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._listen()

    # --- Beginning and end --------------------------------------------------------------------------------------------

    async def begin(self, past: list[Turn]) -> None:
        """Greet the caller, who has just been connected, and start the clock of the longest duration.

        A call that was answered before goes on after its `past`.
        """
        self._recorder.answered()
        self._begun = True
        if self._failures >= FAILURES_MAX:  # a provider was gone before the caller was there
            self._spawn(self._give_up("a provider failed while the agent joined"))
            return
        talked_s = self._call.duration.total_seconds() if self._call.duration else 0.0
        self._later(max(self._version.max_duration_s - talked_s, 0.0), self._close, EndReason.MAX_DURATION)
        self._spawn(providers.warm_up(self._pipeline.llm, self._version))
        if self._call.answered_at is None:
            await self._say(self._version.greeting)
        else:
            await self._resume(past)

    async def _resume(self, past: list[Turn]) -> None:
        """Go on where an earlier agent stopped: nothing that was heard is said again."""
        settled, unanswered = messages.split(past)
        await self._worker.queue_frame(LLMMessagesAppendFrame(messages.of(settled), run_llm=False))
        if past and not unanswered and not past[-1].interrupted and not self._call.losses:
            self._agent_answered.set()
            self._later(self._version.silence_after_s, self._ask_if_nothing_happened)
            return
        await self._say(RESUMED)
        if not past:
            await self._say(self._version.greeting)
        elif unanswered:
            self._spawn(self._answer(unanswered))

    async def _answer(self, unanswered: list[Turn]) -> None:
        """Reply to the caller's last words, unless it speaks up meanwhile. After the apology, as if they came then."""
        await self._within_last_words(self._agent_stopped)
        nothing_new = self._turn_started_at is None
        await self._worker.queue_frame(LLMMessagesAppendFrame(messages.of(unanswered), run_llm=nothing_new))
        if nothing_new:
            self._start_answer_timer()

    async def finish_sentence(self) -> None:
        """Wait until the caller has its answer and the agent is silent, so that another agent can go on after it."""
        if not self._begun:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_ANSWER_S):
                await self._agent_answered.wait()
                await self._agent_stopped.wait()

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

    async def _close(self, reason: EndReason) -> None:
        """Say goodbye, wait until it has been heard, and end the call."""
        if self._closing:
            return
        self._closing = True
        await self._say_and_wait(self._version.goodbye)
        self.end(Status.COMPLETED, reason)

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
        self._listen_for_failures()
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
            case UserStartedSpeakingFrame():
                self._caller_turn_over.clear()
            case UserStoppedSpeakingFrame():
                self._caller_turn_over.set()

    async def _on_tools_started(self, *_: Any) -> None:
        self._stop_answer_timer()  # each tool has a deadline of its own; the timer starts again with its result

    async def _on_silence(self, _aggregator: Any) -> None:
        if self._closing or not self._begun:
            return
        self._silences += 1
        if self._silences > self._version.silence_prompts_max:
            self._spawn(self._close(EndReason.SILENCE))
        else:
            self._recorder.event("silence", times=self._silences)
            await self._say(self._version.silence_prompt)

    async def _ask_if_nothing_happened(self) -> None:
        if self._turn_started_at is None and self._reply_started_at is None:
            await self._on_silence(None)

    async def _on_participant_left(self, _transport: Any, identity: str, _reason: str) -> None:
        if identity != self._call.caller_identity or self._transferring:
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

    def _listen_for_failures(self) -> None:
        self._worker.add_event_handler("on_pipeline_error", self._on_error)
        for service in (self._pipeline.stt, self._pipeline.llm, self._pipeline.tts):
            service.add_event_handler("on_failover", self._on_failover)
        self._pipeline.llm.add_event_handler("on_answered", self._on_answered)

    async def _on_failover(self, _service: Any, failed: Target, taken: Target, why: str) -> None:
        self._recorder.event("failover", **{"stage": failed.stage, "from": str(failed), "to": str(taken), "why": why})

    async def _on_answered(self, _llm: Any) -> None:
        self._failures = 0  # whatever else was said, such as that the agent is sorry, is no reply

    async def _on_error(self, _worker: Any, frame: ErrorFrame) -> None:
        processor = frame.processor
        stage = next((name for name, kind in STAGES.items() if isinstance(processor, kind)), "pipeline")
        log.error("provider_error", stage=stage, category=str(frame.category), error=frame.error[:200])
        self._recorder.event("error", stage=stage, category=str(frame.category), error=frame.error[:200])
        tts = self._pipeline.tts
        if (processor is not None and not processor.is_usable) or (processor is tts and tts.is_down):
            self._failures = FAILURES_MAX
        await self._reply_failed(f"{stage}: {frame.error}", can_speak=processor is not tts)

    async def _reply_failed(self, detail: str, *, can_speak: bool = True) -> None:
        """The caller waits for a reply that does not come: say so, or give the call up."""
        self._stop_answer_timer()
        self._failures += 1
        if self._closing or not self._begun:
            return
        if self._failures >= FAILURES_MAX:
            self._spawn(self._give_up(detail))
        elif can_speak:
            await self._say(SORRY)
        else:
            self._start_answer_timer()

    async def _give_up(self, why: str) -> None:
        """Apologize, and have the caller connected with somebody else or hang up. The words need no provider."""
        if self._closing:
            return
        self._closing = True
        if self._version.transfer_number:
            await self._say_and_wait(SORRY_CONNECTING)
            if await self._transfer():
                self.end(Status.FAILED, EndReason.PROVIDER_FAILURE, f"transferred, because {why}")
                return
        await self._say_and_wait(SORRY_GOODBYE)
        self.end(Status.FAILED, EndReason.PROVIDER_FAILURE, why)

    async def _transfer(self) -> bool:
        self._transferring = True  # the caller's leaving is no hanging up
        try:
            async with asyncio.timeout(TRANSFER_WITHIN_S):
                await rooms.transfer(self._call.room_name, self._call.caller_identity, self._version.transfer_number)
        except Exception as error:
            log.warning("transfer_failed", error=type(error).__name__)
            self._recorder.event("transfer_failed", error=f"{type(error).__name__}: {error}"[:200])
            self._transferring = False
            return False
        self._recorder.event("transferred")
        return True

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
