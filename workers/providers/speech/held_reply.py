"""A reply to a predicted end of turn is spoken already when the turn is confirmed.

Pipecat holds the text of such a reply in the language model's service, and the synthesis begins only when the turn is
confirmed. Here the text goes on to the speech service at once, and what is held is the speech: heard from its first
word when the turn is confirmed, dropped, unheard and unrecorded, when it is not.
"""

from typing import Any

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameCallback, FrameDirection
from pipecat.turns.speculation_gate import GatedFrame, SpeculationGate

from workers.providers.failover.llm import FailoverLLM
from workers.providers.speech.cached_lines import CallLines, ElevenLabsWithLines

WITHDRAWN = "withdrawn"  # in the metadata of the start of a reply that is not to be said


class _OpenGate(SpeculationGate):
    """Knows whether a reply is speculative, for then the model calls no tool, and holds nothing."""

    def _begin(self) -> list[GatedFrame]:
        return []


class _SpeechGate(SpeculationGate):
    """Holds speech. Nothing of a withdrawn reply comes after its withdrawal: the service has dropped it by then."""

    def _discard(self) -> list[GatedFrame]:
        self._speculating = False
        return self._drop_held("withdrawn", keep_dropping=False)


class SpeculatingLLM(FailoverLLM):
    """Lets a speculative reply pass: the speech service behind it holds it.

    A withdrawal overtakes all that waits in a queue, because it is a system frame. So it also withdraws what it has
    overtaken: a turn that the model has not begun to answer, and a reply that the speech service has not begun to say.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._speculation_gate = _OpenGate(name=f"{self}::OpenGate")
        self._reply = LLMFullResponseStartFrame()
        self._waiting: list[LLMContextFrame] = []  # speculative turns that the model has not begun to answer

    @property
    def is_speculating(self) -> bool:
        """Whether the reply that is being generated answers a turn that may go on."""
        return bool(self._speculation_gate.is_speculating)

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
            case EagerEndOfTurnCancelFrame():
                self._waiting.clear()
            case LLMContextFrame(speculation=True):
                if frame not in self._waiting:
                    return
                del self._waiting[: self._waiting.index(frame) + 1]  # those before it were interrupted
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        match frame:
            case LLMFullResponseStartFrame():
                self._reply = frame
            case EagerEndOfTurnCancelFrame() if self.is_speculating:
                self._reply.metadata[WITHDRAWN] = True
        await super().push_frame(frame, direction)


class HoldingTTS(ElevenLabsWithLines):
    """Speaks a speculative reply at once, and holds the speech until the turn is confirmed."""

    def __init__(self, llm: SpeculatingLLM, lines: CallLines, **kwargs: Any) -> None:
        super().__init__(lines, **kwargs)
        self._llm = llm
        self._gate = _SpeechGate(name=f"{self}::SpeechGate")
        self._withdrawn = False  # until the next reply begins

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        match frame:
            case LLMFullResponseStartFrame():
                self._withdrawn = WITHDRAWN in frame.metadata
                self._gate.begin_speculation(self._llm.is_speculating)
            case EagerEndOfTurnCancelFrame():
                await self._withdraw(direction)
        match frame:
            case LLMFullResponseStartFrame() | LLMTextFrame() | LLMFullResponseEndFrame() if self._withdrawn:
                return
        await super().process_frame(frame, direction)

    async def _forward(self, frame: Frame, direction: FrameDirection) -> None:
        """Push what the gate lets through."""
        for passed, way in self._gate.process(frame, direction):
            await super()._forward(passed, way)

    async def _withdraw(self, direction: FrameDirection) -> None:
        """As after an interruption, but nothing was heard: text that waits and speech that is made are given up."""
        self._withdrawn = True
        await self._start_interruption()  # type: ignore[no-untyped-call]  # Pipecat's
        await self._handle_interruption(InterruptionFrame(), direction)
