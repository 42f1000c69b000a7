"""A predicted end of turn that was withdrawn is not answered, whatever overtakes what on the way."""

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    LLMContextFrame,
    ProposedUserStartedSpeakingFrame,
    UserStartedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies

from tests.sink import Sink, running
from workers.turns import CallerTurns, PredictedTurnEnd


def prediction(words: str) -> EagerTranscriptionFrame:
    return EagerTranscriptionFrame(words, user_id="caller", timestamp="")


async def test_a_withdrawal_that_comes_before_its_prediction_withdraws_it() -> None:
    strategies = EagerUserTurnStrategies()
    strategies.stop = [PredictedTurnEnd()]
    caller, asked = CallerTurns(LLMContext(), params=LLMUserAggregatorParams(user_turn_strategies=strategies)), Sink()
    async with running(caller, asked) as worker:
        await worker.queue_frame(ProposedUserStartedSpeakingFrame())
        await asked.until(UserStartedSpeakingFrame)
        # As on a busy machine: all of it waits at once, and what is no data overtakes the rest.
        early, withdrawal, late = prediction("what are"), EagerEndOfTurnCancelFrame(), prediction("what are your hours")
        await worker.queue_frames([withdrawal, early, late])
        await asked.until(LLMContextFrame)

    (request,) = asked.of(LLMContextFrame)
    assert [message["content"] for message in request.context.messages] == ["what are your hours"]  # type: ignore[index]
