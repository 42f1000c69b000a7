"""A language model that another one replaces when it fails, within the same reply.

What counts is the first word of the reply: before it, another model may be asked the same question without anyone
noticing more than a delay. Meanwhile the caller is asked to wait.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

import structlog
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    FunctionCallFromLLM,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSSpeakFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameCallback, FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings
from pipecat.utils.errors import ErrorCategory, classify_http_exception

from workers.providers import circuits
from workers.providers.answering import Answer, Answering
from workers.providers.speech.held_reply import WITHDRAWN, OpenGate
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

HOLD_ON_AFTER_S = 1.0  # from the request; the words take another second, in which the reply gets ready
FIRST_TOKEN_S = 1.5  # from the request; fast chat models take 0.3 to 0.8 s, and the caller waits 3 s at most
LAST_FIRST_TOKEN_S = 4.0  # for the last model that is left: nobody else would be quicker
WARM_UP_WITHIN_S = 5.0


class FailoverLLM(LLMService[Any]):
    """Asks the first of its targets that answers in time, and meanwhile has the caller told to `hold_on`.

    It lets the reply to a predicted end of turn pass: the speech service behind it holds it. Its withdrawal overtakes
    all that waits in a queue, because it is a system frame. So it also withdraws what it has overtaken: a turn that the
    model has not begun to answer, and a reply that the speech service has not begun to say.

    Event `on_failover` (service, failed target, next target, why): the reply is asked of another model. Event
    `on_answered` (service): a reply has begun. When the last target fails, too, an error is pushed: while the turn
    may go on, nobody has missed a reply, so then only when it is over.

    `ends_call` is the function that a model calls last: what else it calls in the same reply is answered first, and the
    model speaks about it before it ends the call.
    """

    def __init__(
        self, targets: list[Target], make: Callable[[Target], Answering], hold_on: str, ends_call: str
    ) -> None:
        super().__init__(settings=_no_settings())
        self.target = targets[0]
        """Who answers now, or was asked last."""
        self._targets = targets
        self._make = make
        self._models: dict[Target, Answering] = {}
        self._hold_on_text = hold_on
        self._ends_call = ends_call
        self._failure: Exception | None = None  # of the reply to a turn that may go on
        self._register_event_handler("on_failover")
        self._register_event_handler("on_answered", sync=True)
        self._speculation_gate = OpenGate(name=f"{self}::OpenGate")
        self._reply = LLMFullResponseStartFrame()
        self._waiting: list[LLMContextFrame] = []  # speculative turns that the model has not begun to answer

    def is_speculating(self) -> bool:
        """Whether the reply that is being generated answers a turn that may go on."""
        return bool(self._speculation_gate.is_speculating)

    async def warm_up(self) -> None:
        """Open the first model's connection, so that the first reply finds it open.

        Any answer will do: a failure is logged, and the first reply opens the connection.
        """
        try:
            async with asyncio.timeout(WARM_UP_WITHIN_S):
                await (await self._model(circuits.providers.order(self._targets)[0])).warm_up()
        except Exception as error:
            log.debug("warm_up_answered", error=type(error).__name__)

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]  # Pipecat's
        for model in self._models.values():
            await model.cleanup()  # type: ignore[no-untyped-call]

    # --- Frames -------------------------------------------------------------------------------------------------------

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: FrameCallback | None = None,
    ) -> None:
        if isinstance(frame, LLMContextFrame) and frame.speculation:
            self._waiting.append(frame)
        await super().queue_frame(frame, direction, callback)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        match frame:
            case InterruptionFrame():
                self._failure = None
            case EagerEndOfTurnCancelFrame():
                self._failure = None
                self._waiting.clear()
            case LLMContextFrame(speculation=True):
                if frame not in self._waiting:
                    return
                del self._waiting[: self._waiting.index(frame) + 1]  # those before it were interrupted
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
            return
        await self.push_frame(frame, direction)
        if isinstance(frame, UserStoppedSpeakingFrame) and self._failure is not None:
            failure, self._failure = self._failure, None
            await self._tell(failure)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        match frame:
            case LLMFullResponseStartFrame():
                self._reply = frame
            case EagerEndOfTurnCancelFrame() if self.is_speculating():
                self._reply.metadata[WITHDRAWN] = True
        await super().push_frame(frame, direction)

    # --- Answering ----------------------------------------------------------------------------------------------------

    async def _answer(self, context: LLMContext) -> None:
        self._failure = None
        await self.push_frame(LLMFullResponseStartFrame())
        try:
            answer = await self._first_answer(context)
            try:
                async with aclosing(answer.parts()) as parts:
                    async for part in parts:
                        if isinstance(part, str):
                            await self._push_llm_text(part)
                        else:
                            await self.run_function_calls(self._before_the_end(part))
            finally:
                await answer.close()
        except Exception as error:
            if self.is_speculating():
                self._failure = error
            else:
                await self._tell(error)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())

    async def _tell(self, error: Exception) -> None:
        await self.push_error(f"Error during completion: {error or in_words(error)}", exception=error)

    def _before_the_end(self, calls: Sequence[FunctionCallFromLLM]) -> Sequence[FunctionCallFromLLM]:
        others = [call for call in calls if call.function_name != self._ends_call]
        return others or calls

    async def _first_answer(self, context: LLMContext) -> Answer:
        """The answer of the first model whose first words come in time. Raises what the last one failed with."""
        holding = self.create_task(self._hold_on_later(), f"{self}::hold_on")
        try:
            return await self._ask_in_turn(context, holding)
        finally:
            await self.cancel_task(holding)

    async def _ask_in_turn(self, context: LLMContext, holding: asyncio.Task[None]) -> Answer:
        targets = circuits.providers.order(self._targets)
        for number, target in enumerate(targets):
            is_last = target is targets[-1]
            try:
                answer = await self._ask(target, context, LAST_FIRST_TOKEN_S if is_last else FIRST_TOKEN_S)
            except Exception as error:
                circuits.providers.failed(target)
                if is_last:
                    raise
                why = in_words(error)
                log.warning("llm_failed_over", failed=str(target), next=str(targets[number + 1]), why=why)
                await self._call_event_handler("on_failover", target, targets[number + 1], why)
                if number == 0 and not holding.done():
                    holding.cancel()
                    await self._hold_on()
            else:
                circuits.providers.worked(target)
                await self._call_event_handler("on_answered")
                return answer
        raise AssertionError("a language model has at least one target")

    async def _ask(self, target: Target, context: LLMContext, within_s: float) -> Answer:
        self.target = target
        answer = Answer(await self._model(target), context, target.provider)
        try:
            await answer.begin_within(within_s)
        except BaseException:
            await answer.close()
            raise
        return answer

    async def _model(self, target: Target) -> Answering:
        """The target's service, made when it is first asked."""
        if target not in self._models:
            self._models[target] = self._make(target)
            await self._models[target].setup(self.processor_setup)
        return self._models[target]

    async def _hold_on_later(self) -> None:
        await asyncio.sleep(HOLD_ON_AFTER_S)
        await self._hold_on()

    async def _hold_on(self) -> None:
        await self.push_frame(TTSSpeakFrame(self._hold_on_text))

    def _classify_error(self, exception: Exception) -> ErrorCategory:
        """Never permanent, because the next reply may be another model's."""
        category = classify_http_exception(exception)
        return ErrorCategory.UNKNOWN if category.is_permanent else category


def in_words(error: Exception) -> str:
    """Why a model did not answer, for logs and events."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    status = getattr(error, "status_code", None)
    return f"status {status}" if status else type(error).__name__


def _no_settings() -> LLMSettings:
    """What Pipecat's base class asks for; each model has its own."""
    return LLMSettings(
        model=None,
        system_instruction=None,
        temperature=None,
        max_tokens=None,
        top_p=None,
        top_k=None,
        frequency_penalty=None,
        presence_penalty=None,
        seed=None,
        filter_incomplete_user_turns=False,
        user_turn_completion_config=None,
    )
