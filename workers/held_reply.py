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
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.speculation_gate import GatedFrame, SpeculationGate

from workers.failover_llm import FailoverLLM
from workers.lines import CallLines, ElevenLabsWithLines


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
    """Lets a speculative reply pass: the speech service behind it holds it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._speculation_gate = _OpenGate(name=f"{self}::OpenGate")

    @property
    def is_speculating(self) -> bool:
        """Whether the reply that is being generated answers a turn that may go on."""
        return bool(self._speculation_gate.is_speculating)


class HoldingTTS(ElevenLabsWithLines):
    """Speaks a speculative reply at once, and holds the speech until the turn is confirmed."""

    def __init__(self, llm: SpeculatingLLM, lines: CallLines, **kwargs: Any) -> None:
        super().__init__(lines, **kwargs)
        self._llm = llm
        self._gate = _SpeechGate(name=f"{self}::SpeechGate")
        self._withdrawn = False  # until the next reply begins
        self._held_since_ns = 0
        self._late_ns = 0  # by so much this reply is heard later than the times of its words say

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        match frame:
            case LLMFullResponseStartFrame():
                self._gate.begin_speculation(self._llm.is_speculating)
                self._withdrawn = False
                self._held_since_ns = self._late_ns = 0
            case TTSSpeakFrame():
                self._late_ns = 0
            case EagerEndOfTurnCancelFrame():
                await self._withdraw(direction)
            case LLMTextFrame() | LLMFullResponseEndFrame() if self._withdrawn:
                return  # the tail of a reply that wanted a tool, which the model withdraws by itself
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Push what the gate lets through."""
        if frame.pts and self._late_ns:
            frame.pts += self._late_ns
        emitted = self._gate.process(frame, direction)
        if not emitted and isinstance(frame, TTSAudioRawFrame):
            self._held_since_ns = self._held_since_ns or self.get_clock().get_time()
        if len(emitted) > 1 and self._held_since_ns:
            self._late_ns = self.get_clock().get_time() - self._held_since_ns
            for held, _ in emitted[1:]:
                held.pts = held.pts + self._late_ns if held.pts else held.pts
        for passed, way in emitted:
            await super().push_frame(passed, way)

    async def _withdraw(self, direction: FrameDirection) -> None:
        """As after an interruption, but nothing was heard: text that waits and speech that is made are given up."""
        self._withdrawn = True
        await self._start_interruption()  # type: ignore[no-untyped-call]  # Pipecat's
        await self._handle_interruption(InterruptionFrame(), direction)
