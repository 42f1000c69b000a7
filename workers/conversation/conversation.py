"""A conversation from greeting to goodbye: what happens in a running pipeline, and what the agent does about it."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError
from livekit.rtc import DisconnectReason
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    LLMMessagesAppendFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_response_universal import AssistantTurnStoppedMessage, UserTurnStoppedMessage

from agents.models import PersonaVersion
from agents.phrases import phrases_of
from calls.lifecycle import tool_calls
from calls.livekit.rooms import COMES_BACK_WITHIN_S, CONNECTION_LOST, PUT_OUT, ROOM_ENDED
from calls.models import Call, ToolCall, Turn
from calls.states import EndReason, Status
from common.database import in_database
from workers.conversation import chat_history
from workers.conversation.failures import Failures
from workers.conversation.goodbye import Goodbye
from workers.conversation.progress import Ending, Leaving, Progress, never_heard
from workers.conversation.speaking import Speaking
from workers.conversation.spoken_turns import SpokenTurns
from workers.history.recorder import CallRecorder
from workers.media.transport import CallTransport, is_successor
from workers.pipeline import CallPipeline
from workers.process.background import Background
from workers.tools import functions, tool_uses
from workers.tools.tool_uses import ToolUses

log = structlog.get_logger(__name__)

WHY_WITHIN_S = 1.0  # this side says that everyone has left, and then why it is not in the room itself
READ_WITHIN_S = 1.0  # how long a caller who changes agents waits for the database
STAYS_S = 8.0  # an agent that hands its call over listens so long: a recognizer without audio is gone after 10 s
LAST_ANSWER_S = 30.0  # how long a call that is handed over waits for its agent to finish what the caller asked for


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
        self._progress = Progress()
        self._background = Background()
        self._speaking = Speaking(worker, transport)
        self._goodbye = Goodbye(version, self._speaking, self._progress, pipeline.barge_in)
        self._turns = SpokenTurns(transport, recorder, pipeline.latency)
        self._failures = Failures(call, version, pipeline, recorder, self._progress, self._speaking, self._background)
        self._caller_turn_over = asyncio.Event()  # for the whole pipeline, to its last processor
        self._caller_turn_over.set()  # nobody says so after a loss, when the agent answers what was said before
        self._uses = ToolUses(call, recorder, self._background, lambda: self._turns.caller_turns)
        self._caller_is_back = asyncio.Event()
        self._silences = 0
        self._hands_over = False
        self._listen()

    @property
    def ending(self) -> asyncio.Future[Ending | Leaving]:
        return self._progress.ending

    @property
    def is_closing(self) -> bool:
        """Whether the agent is saying its last words."""
        return self._progress.closing

    @property
    def has_begun(self) -> bool:
        """Whether caller and agent hear each other."""
        return self._progress.begun

    # --- Beginning and end --------------------------------------------------------------------------------------------

    async def begin(self, past: list[Turn], talked: timedelta) -> None:
        """Greet the caller, who has just been connected, and start the clock of the longest duration.

        A call that was answered before, and has `talked` for so long, goes on after its `past`.
        """
        self._recorder.answered()
        self._progress.begun = True
        if self._failures.too_many:  # a provider was gone before the caller was there
            self._background.spawn(self._failures.give_up("a provider failed while the agent joined"))
            return
        remaining_s = max(self._version.max_duration_s - talked.total_seconds(), 0.0)
        self._background.later(remaining_s, self._goodbye.end_in_time)
        self._background.spawn(self._pipeline.llm.warm_up())
        if self._call.answered_at is None:
            await self._speaking.say(self._version.greeting)
        else:
            await self._resume(past)

    async def _resume(self, past: list[Turn]) -> None:
        """Resume where an earlier agent stopped: nothing that was heard is said again."""
        self._turns.resume(past)
        settled, unanswered = chat_history.split(past)
        untold = await self._untold_tool_calls()
        await self._worker.queue_frame(LLMMessagesAppendFrame(chat_history.of(settled), run_llm=False))
        missed = not past or unanswered or untold or past[-1].interrupted or self._call.losses or self._has_waited()
        if not missed:
            self._speaking.answered.set()
            self._background.later(self._version.silence_after_s, self._ask_if_nothing_happened)
            return
        await self._speaking.say(phrases_of(self._version).resumed)
        if not past:
            await self._speaking.say(self._version.greeting)
        elif unanswered or untold:
            self._background.spawn(self._answer(unanswered, untold))

    def _has_waited(self) -> bool:
        """Whether the caller has been alone for longer than an agent that hands its call over stays to listen."""
        claimed_at = self._call.claimed_at
        return claimed_at is not None and (claimed_at - self._call.queued_at).total_seconds() > STAYS_S

    async def _untold_tool_calls(self) -> list[ToolCall]:
        """What the previous agent asked of tools, and did not tell the caller."""
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                return await in_database(tool_calls.untold, self._call.pk)
        except (DatabaseError, InterfaceError, TimeoutError) as error:
            log.warning("tool_calls_not_read", error=type(error).__name__)
            return []

    async def _answer(self, unanswered: list[Turn], untold: list[ToolCall]) -> None:
        """Reply to the caller's last words, unless it speaks up meanwhile. After the apology, as if they came then.

        What tools were asked for the reply is not left to the model to ask anew: it might ask in other words.
        """
        tools_of = {tool.name: tool for tool in self._version.tools}
        uses = [await self._uses.use_again(tools_of[one.tool], one) for one in untold if one.tool in tools_of]
        await self._speaking.wait_for(self._speaking.stopped)
        nothing_new = not self._turns.caller_spoke
        said_and_done = chat_history.of(unanswered) + tool_uses.messages(uses)
        await self._worker.queue_frame(LLMMessagesAppendFrame(said_and_done, run_llm=nothing_new))
        if nothing_new:
            self._failures.answer_timer.start()

    async def finish_sentence(self) -> None:
        """Wait until the caller has its answer and the agent is silent, so that another agent can take over."""
        if not self.has_begun:
            return
        speaking = self._speaking
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_ANSWER_S):
                while not (speaking.answered.is_set() and speaking.stopped.is_set()):
                    await speaking.answered.wait()
                    await speaking.stopped.wait()

    def only_listen(self) -> None:
        """Start nothing new, and keep what the caller says for the next agent."""
        self._progress.closing = self._hands_over = True
        self._pipeline.stt.keep()

    async def resume(self) -> None:
        """Continue after `only_listen`, since no other agent comes: what the caller said meanwhile is answered here."""
        self._progress.closing = self._hands_over = False
        await self._pipeline.stt.resume(None)

    async def fall_silent(self) -> None:
        """Leave the conversation to the next agent: no timer ends it from now on, and the agent has no voice."""
        self.stop()
        await self._transport.fall_silent()

    def stop(self) -> None:
        """Let go of timers and tasks: the call is over."""
        self._failures.answer_timer.stop()
        self._background.cancel()

    # --- What happens -------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        timer = self._failures.answer_timer
        register = functions.Registration(self._uses, self._goodbye.hang_up, self._caller_turn_over.wait, timer.start)
        register.all(self._pipeline.llm, self._version.tools)
        self._pipeline.llm.add_event_handler("on_function_calls_started", self._on_tools_started)
        caller, agent = self._pipeline.caller, self._pipeline.agent
        caller.add_event_handler("on_user_turn_started", self._on_caller_turn_started)
        caller.add_event_handler("on_user_turn_stopped", self._on_caller_turn_stopped)
        caller.add_event_handler("on_user_turn_idle", self._on_silence)
        agent.add_event_handler("on_assistant_turn_started", self._on_agent_turn_started)
        agent.add_event_handler("on_assistant_turn_stopped", self._on_agent_turn_stopped)
        self._transport.add_event_handler("on_participant_connected", self._on_participant_joined)
        self._transport.add_event_handler("on_participant_left", self._on_participant_left)
        self._transport.add_event_handler("on_disconnected", self._on_disconnected)
        self._transport.add_event_handler("on_dtmf_event", self._on_dtmf)
        self._worker.set_reached_downstream_filter(
            (BotStartedSpeakingFrame, BotStoppedSpeakingFrame, UserStartedSpeakingFrame, UserStoppedSpeakingFrame)
        )
        self._worker.add_event_handler("on_frame_reached_downstream", self._on_frame_passed)
        self._failures.listen(self._worker)
        self._worker.add_event_handler("on_pipeline_finished", self._on_pipeline_finished)

    async def _on_caller_turn_started(self, *_: Any) -> None:
        self._turns.caller_began()
        self._speaking.caller_began()
        self._goodbye.caller_began()
        self._failures.answer_timer.stop()

    async def _on_caller_turn_stopped(self, _aggregator: Any, _strategy: Any, message: UserTurnStoppedMessage) -> None:
        self._goodbye.caller_said(message.content or "")
        if message.content:
            self._silences = 0  # a noise does not answer whether someone is there
            self._turns.caller_ended(message.content)
            self._failures.answer_timer.start()
            await self._turns.measure_path()

    async def _on_agent_turn_started(self, *_: Any) -> None:
        self._speaking.began()
        self._turns.agent_began()

    async def _on_agent_turn_stopped(self, _aggregator: Any, message: AssistantTurnStoppedMessage) -> None:
        self._turns.agent_ended(message.content, interrupted=message.interrupted)
        self._speaking.ended(message.content, interrupted=message.interrupted)

    async def _on_frame_passed(self, _worker: Any, frame: Frame) -> None:
        match frame:
            case BotStartedSpeakingFrame():
                self._failures.answer_timer.stop()
            case BotStoppedSpeakingFrame():
                self._failures.answer_timer.start_again()
            case UserStartedSpeakingFrame():
                self._caller_turn_over.clear()
            case UserStoppedSpeakingFrame():
                self._caller_turn_over.set()

    async def _on_tools_started(self, *_: Any) -> None:
        self._failures.answer_timer.stop()  # a tool has a deadline of its own; the timer starts again with its result

    async def _on_silence(self, _aggregator: Any) -> None:
        if self._progress.closing or not self._progress.begun:
            return
        self._silences += 1
        if self._silences > self._version.silence_prompts_max:
            self._background.spawn(self._goodbye.close(EndReason.SILENCE))
        else:
            self._recorder.event("silence", times=self._silences)
            await self._speaking.say(self._version.silence_prompt)

    async def _ask_if_nothing_happened(self) -> None:
        if not self._turns.caller_spoke and not self._turns.agent_spoke:
            await self._on_silence(None)

    async def _on_participant_joined(self, _transport: Any, identity: str) -> None:
        if identity == self._call.caller_identity:
            self._caller_is_back.set()
        if is_successor(identity, self._call.attempt) and not self._hands_over:
            self._progress.leave(Leaving.LOST)

    async def _on_participant_left(self, _transport: Any, identity: str, _reason: str) -> None:
        if identity != self._call.caller_identity or self._progress.transferring:
            return
        because = self._transport.caller_left_because
        if because in (None, DisconnectReason.DUPLICATE_IDENTITY):
            # It is not the server that says so: this side has lost it, or its own place in the room; or one of them has
            # connected again.
            self._background.later(WHY_WITHIN_S, self._look_for_caller)
        elif because in ROOM_ENDED:
            await self._room_is_gone()
        elif because in CONNECTION_LOST:
            self._caller_is_back.clear()
            self._background.spawn(self._wait_for_caller())
        else:
            self._caller_has_left()

    async def _on_disconnected(self, _transport: Any) -> None:
        match self._transport.disconnected_because:
            case because if because in PUT_OUT:
                self._progress.leave(Leaving.LOST)
            case DisconnectReason.ROOM_CLOSED:  # as LiveKit closes one whose last caller has left; and that came first
                self._caller_has_left()
            case because if because in ROOM_ENDED:
                await self._room_is_gone()
            case DisconnectReason.CLIENT_INITIATED | None:
                self._progress.end(Status.FAILED, EndReason.PIPELINE_ERROR, "the pipeline left the room by itself")
            case _:
                await self._lose_connection()

    def _caller_has_left(self) -> None:
        """End the call, as missed if the caller never heard the agent."""
        if self._progress.begun or self._call.answered_at is not None:
            self._progress.end(Status.COMPLETED, EndReason.CALLER_LEFT)
        else:
            ending = never_heard(self._call)
            self._progress.end(ending.status, ending.reason, ending.detail)

    async def _wait_for_caller(self) -> None:
        """Continue with a caller whose connection was lost and is made again; end the call of one who stays away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMES_BACK_WITHIN_S):
                while not self._transport.caller_is_present():
                    await self._caller_is_back.wait()
                    self._caller_is_back.clear()
        if not self._transport.caller_is_present():
            self._progress.end(Status.FAILED, EndReason.ROOM_GONE, "the caller's connection was lost")
        elif self._progress.begun and not self._progress.closing:
            await self._speaking.say(phrases_of(self._version).resumed)

    async def _look_for_caller(self) -> None:
        """Continue with a caller who is in the room: after the caller's side, or this one, has reconnected."""
        if not self._transport.caller_is_present():
            await self._lose_connection()

    async def _lose_connection(self) -> None:
        self._progress.leave(Leaving.DISCONNECTED)

    async def _room_is_gone(self) -> None:
        self._progress.end(Status.FAILED, EndReason.ROOM_GONE)

    async def _on_dtmf(self, _transport: Any, data: dict[str, Any]) -> None:
        self._recorder.event("dtmf", digit=str(data["digit"]))

    async def _on_pipeline_finished(self, _worker: Any, _frame: Any) -> None:
        self._progress.end(Status.FAILED, EndReason.PIPELINE_ERROR, "the pipeline ended by itself")
