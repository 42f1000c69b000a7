"""Who decides that the caller has finished: the strategies behind a persona's turn policy."""

from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies, UserTurnStrategies

from agents.choices import TurnPolicy
from agents.models import PersonaVersion
from workers.models import SharedSileroVad, SharedSmartTurn


def user_params(version: PersonaVersion) -> LLMUserAggregatorParams:
    """How the caller's turns are found and how long a silence may last."""
    if version.turn_policy == TurnPolicy.EAGER:
        return LLMUserAggregatorParams(
            user_turn_strategies=EagerUserTurnStrategies(), user_idle_timeout=version.silence_after_s
        )
    return LLMUserAggregatorParams(
        user_turn_strategies=UserTurnStrategies(
            start=[VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()],
            stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=SharedSmartTurn())],
        ),
        user_idle_timeout=version.silence_after_s,
        vad_analyzer=SharedSileroVad(),
    )
