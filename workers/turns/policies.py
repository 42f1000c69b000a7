"""Who decides that the caller has begun and has finished: the strategies behind a persona's turn policy."""

from collections.abc import Callable
from typing import Any

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameCallback, FrameDirection
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import (
    BaseUserTurnStopStrategy,
    EagerUserTurnStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
    TurnAnalyzerUserTurnStopStrategy,
)
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies, UserTurnStrategies

from agents.choices import TurnPolicy
from agents.models import PersonaVersion
from workers.providers.recognizer import TranscriptCompleteFrame
from workers.turns.barge_in import BargeIn
from workers.turns.detectors import SharedSileroVad, SharedSmartTurn

NO_WORDS_S = 2.0
"""How long a turn without words lasts at most after its last sound; Pipecat waits 5 s.

A cough after a question interrupts the answer that is on its way, and no transcript will ever end the turn that it
began. A nova model that is asked for its words mostly says that there are none; this is for when it does not. Longer
than smart-turn's patience, and than Deepgram's transcripts take.
"""
PATIENCE_S = 1.0  # smart-turn: silence after which a turn is over though the model expects more; Pipecat waits 3 s


class CallerTurns(LLMUserAggregator):
    """The caller's half of the conversation, and the last that hears the caller's audio.

    Nothing that the caller said is lost to an interruption, nor that its turn is over. Words begin a turn and interrupt
    the agent, and an interruption drops what waits behind them: the end of that very turn, which then never ended.
    """

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: FrameCallback | None = None,
    ) -> None:
        if isinstance(frame, TranscriptionFrame | TranscriptCompleteFrame | ProposedUserStoppedSpeakingFrame):
            frame.interruptible = False
        await super().queue_frame(frame, direction, callback)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        # Pipecat lets audio go on to the pipeline's end: five more hops for each of 31 frames a second.
        if not isinstance(frame, InputAudioRawFrame | TranscriptCompleteFrame):
            await super().push_frame(frame, direction)


class PredictedTurnEnd(EagerUserTurnStopStrategy):  # type: ignore[no-untyped-call]  # Pipecat's own __init_subclass__
    """Answers a valid prediction, and answers it once, also on a busy machine.

    A withdrawal overtakes all that waits in a queue, because it is a system frame: it can come before the prediction
    that it withdraws. Pipecat would answer that one as well as the next, and both would be heard.

    Two tasks end a turn: the one that handles frames, and one that looks every half second whether the words have come.
    The first gives way while it takes the prediction, and the second would find none and answer the turn again.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._withdrawn_at = -1  # the id of the last withdrawal; Pipecat numbers frames as they are made
        self._is_ending = False

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        match frame:
            case EagerEndOfTurnCancelFrame():
                self._withdrawn_at = frame.id
            case EagerTranscriptionFrame() if frame.id < self._withdrawn_at:
                return ProcessFrameResult.CONTINUE
        return await super().process_frame(frame)

    async def handle_user_turn_started(self) -> None:
        """Pipecat forgets here that the recognizer has reported speech, which its words have just turned into a turn:
        a pause between two finals of a nova model would then be answered while the caller speaks on.
        """
        is_speaking = self._user_speaking
        await super().handle_user_turn_started()  # type: ignore[no-untyped-call]  # Pipecat's
        self._user_speaking = is_speaking

    async def trigger_user_turn_stopped(self, *, enable_user_speaking_frames: bool | None = None) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        try:
            await super().trigger_user_turn_stopped(enable_user_speaking_frames=enable_user_speaking_frames)
        finally:
            self._is_ending = False


class _EndsWithoutWords(BaseUserTurnStopStrategy):  # type: ignore[no-untyped-call]  # Pipecat's own __init_subclass__
    """Ends a turn in whose sounds Deepgram has found no words, such as a cough: Pipecat's strategies wait for some."""

    _text: str
    _vad_user_speaking: bool

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        result = await super().process_frame(frame)
        if isinstance(frame, TranscriptCompleteFrame) and not self._text and not self._vad_user_speaking:
            await self.trigger_user_turn_stopped()
        return result or ProcessFrameResult.CONTINUE


class PauseTurnEnd(_EndsWithoutWords, SpeechTimeoutUserTurnStopStrategy):  # type: ignore[no-untyped-call]
    """Ends a turn at any pause."""


class JudgedTurnEnd(_EndsWithoutWords, TurnAnalyzerUserTurnStopStrategy):  # type: ignore[no-untyped-call]
    """Ends a turn at a pause at which the sentence is over."""


def user_params(version: PersonaVersion, barge_in: BargeIn) -> LLMUserAggregatorParams:
    """How the caller's turns are found and how long a silence may last."""
    if version.turn_policy == TurnPolicy.EAGER:
        strategies = EagerUserTurnStrategies()
        strategies.start, strategies.stop = [barge_in], [PredictedTurnEnd()]
        return LLMUserAggregatorParams(
            user_turn_strategies=strategies,
            user_turn_stop_timeout=NO_WORDS_S,
            user_idle_timeout=version.silence_after_s,
        )
    return LLMUserAggregatorParams(
        user_turn_strategies=UserTurnStrategies(start=[barge_in], stop=[_STOP[TurnPolicy(version.turn_policy)]()]),
        user_turn_stop_timeout=NO_WORDS_S,
        user_idle_timeout=version.silence_after_s,
        vad_analyzer=SharedSileroVad(),
    )


def _smart_turn() -> BaseUserTurnStopStrategy:
    return JudgedTurnEnd(turn_analyzer=SharedSmartTurn(SmartTurnParams(stop_secs=PATIENCE_S)))


def _silence() -> BaseUserTurnStopStrategy:
    return PauseTurnEnd(user_speech_timeout=0)  # the VAD has waited already


_STOP: dict[TurnPolicy, Callable[[], BaseUserTurnStopStrategy]] = {
    TurnPolicy.SMART_TURN: _smart_turn,
    TurnPolicy.SILENCE: _silence,
}
