"""A reply to a predicted end of turn is spoken already when the turn is confirmed.

Pipecat holds the text of such a reply in the language model's service, and the synthesis begins only when the turn is
confirmed. Here the text goes on to the speech service at once, and what is held is the speech: heard from its first
word when the turn is confirmed, dropped, unheard and unrecorded, when it is not.
"""

from collections.abc import Callable

from pipecat.frames.frames import Frame, LLMFullResponseEndFrame, LLMFullResponseStartFrame, LLMTextFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.speculation_gate import GatedFrame, SpeculationGate

WITHDRAWN = "withdrawn"  # in the metadata of the start of a reply that is not to be said


class HeldReply:
    """What the agent's speech keeps back, frame by frame, and what it does not even say."""

    def __init__(self, name: str, is_speculating: Callable[[], bool]) -> None:
        self._gate = _SpeechGate(name=name)
        self._is_speculating = is_speculating
        self._is_withdrawn = False  # until the next reply begins
        self._is_at_hand = False  # a reply that has begun, and of which more may come

    def begin(self, start: LLMFullResponseStartFrame) -> None:
        """A reply begins."""
        self._is_withdrawn = WITHDRAWN in start.metadata
        self._is_at_hand = not self._is_withdrawn
        self._gate.begin_speculation(self._is_speculating())

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether there is a reply at hand whose turn is not over. What else is said, such as a line, answers none."""
        return self._is_at_hand and bool(self._gate.is_speculating)

    def withdraw(self) -> None:
        """The turn that the reply answers goes on."""
        self._is_withdrawn = True
        self._is_at_hand = False

    def interrupt(self) -> None:
        """The caller has interrupted the reply."""
        self._is_at_hand = False

    def is_withdrawn(self, frame: Frame) -> bool:
        """Whether this part of a reply is not to be said."""
        return self._is_withdrawn and isinstance(
            frame, LLMFullResponseStartFrame | LLMTextFrame | LLMFullResponseEndFrame
        )

    def process(self, frame: Frame, direction: FrameDirection) -> list[GatedFrame]:
        """What is heard now that this frame has come, in order."""
        heard = self._gate.process(frame, direction)
        if any(isinstance(each, LLMFullResponseEndFrame) for each, _ in heard):
            self._is_at_hand = False
        return heard


class OpenGate(SpeculationGate):
    """Knows whether a reply is speculative, for then the model calls no tool, and holds nothing."""

    def _begin(self) -> list[GatedFrame]:
        return []


class _SpeechGate(SpeculationGate):
    """Holds speech. Nothing of a withdrawn reply comes after its withdrawal: the service has dropped it by then."""

    def _discard(self) -> list[GatedFrame]:
        self._speculating = False
        return self._drop_held("withdrawn", keep_dropping=False)
