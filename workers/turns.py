"""Who decides that the caller has begun and has finished: the strategies behind a persona's turn policy."""

from collections.abc import Callable

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.user_stop import (
    BaseUserTurnStopStrategy,
    SpeechTimeoutUserTurnStopStrategy,
    TurnAnalyzerUserTurnStopStrategy,
)
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies, UserTurnStrategies

from agents.choices import TurnPolicy
from agents.models import PersonaVersion
from workers.barge_in import BargeIn
from workers.models import SharedSileroVad, SharedSmartTurn

PATIENCE_S = 1.0  # smart-turn: silence after which a turn is over though the model expects more; Pipecat waits 3 s


class CallerTurns(LLMUserAggregator):
    """The caller's half of the conversation, and the last that hears the caller's audio."""

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        # Pipecat lets audio go on to the pipeline's end: five more hops for each of 31 frames a second.
        if not isinstance(frame, InputAudioRawFrame):
            await super().push_frame(frame, direction)


def user_params(version: PersonaVersion, barge_in: BargeIn) -> LLMUserAggregatorParams:
    """How the caller's turns are found and how long a silence may last."""
    if version.turn_policy == TurnPolicy.EAGER:
        strategies = EagerUserTurnStrategies()
        strategies.start = [barge_in]
        return LLMUserAggregatorParams(user_turn_strategies=strategies, user_idle_timeout=version.silence_after_s)
    return LLMUserAggregatorParams(
        user_turn_strategies=UserTurnStrategies(start=[barge_in], stop=[_STOP[TurnPolicy(version.turn_policy)]()]),
        user_idle_timeout=version.silence_after_s,
        vad_analyzer=SharedSileroVad(),
    )


def _smart_turn() -> BaseUserTurnStopStrategy:
    return TurnAnalyzerUserTurnStopStrategy(turn_analyzer=SharedSmartTurn(SmartTurnParams(stop_secs=PATIENCE_S)))


def _silence() -> BaseUserTurnStopStrategy:
    return SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0)  # the VAD has waited already


_STOP: dict[TurnPolicy, Callable[[], BaseUserTurnStopStrategy]] = {
    TurnPolicy.SMART_TURN: _smart_turn,
    TurnPolicy.SILENCE: _silence,
}
