"""A withdrawn prediction is not answered, whatever overtakes what on the way, and a turn without words ends soon."""

import asyncio
from unittest.mock import Mock

import pytest
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    LLMContextFrame,
    OutputTransportMessageFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies

from agents.choices import TurnPolicy
from agents.models import PersonaVersion
from tests.sink import Sink, running
from workers.providers.recognizer import TranscriptCompleteFrame
from workers.turns import policies
from workers.turns.barge_in import BargeIn
from workers.turns.policies import CallerTurns, PredictedTurnEnd

QUESTION = "what are your hours"


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
        early, withdrawal, late = prediction("what are"), EagerEndOfTurnCancelFrame(), prediction(QUESTION)
        await worker.queue_frames([withdrawal, early, late])
        await asked.until(LLMContextFrame)

    (request,) = asked.of(LLMContextFrame)
    assert [message["content"] for message in request.context.messages] == [QUESTION]  # type: ignore[index]


async def test_a_turn_that_two_tasks_end_at_once_is_answered_once() -> None:
    strategies, end = EagerUserTurnStrategies(), PredictedTurnEnd()
    strategies.stop = [end]
    caller, asked = CallerTurns(LLMContext(), params=LLMUserAggregatorParams(user_turn_strategies=strategies)), Sink()
    async with running(caller, asked) as worker:
        await worker.queue_frame(ProposedUserStartedSpeakingFrame())
        await asked.until(UserStartedSpeakingFrame)
        transcript, last = TranscriptionFrame(QUESTION, user_id="caller", timestamp=""), OutputTransportMessageFrame({})
        await worker.queue_frames([ProposedUserStoppedSpeakingFrame(), prediction(QUESTION), transcript, last])
        await asked.until(OutputTransportMessageFrame)
        await asyncio.gather(end.trigger_user_turn_stopped(), end.trigger_user_turn_stopped())
        await asked.until(UserStoppedSpeakingFrame)

    (request,) = asked.of(LLMContextFrame)
    assert request.speculation


@pytest.mark.parametrize("policy", [TurnPolicy.SMART_TURN, TurnPolicy.SILENCE])
async def test_a_cough_while_the_agent_thinks_does_not_leave_the_caller_without_an_answer(
    policy: TurnPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "NO_WORDS_S", 0.1)  # Pipecat waits 5 s
    version = PersonaVersion(turn_policy=policy, stt_model="nova-3-general", silence_after_s=10)
    params = policies.user_params(version, BargeIn(Mock(is_speaking=False), "en-US"))
    caller, asked = CallerTurns(LLMContext(), params=params), Sink()
    async with running(caller, asked) as worker, asyncio.timeout(4):
        await worker.queue_frame(VADUserStartedSpeakingFrame())
        await asked.until(UserStartedSpeakingFrame)
        await worker.queue_frame(VADUserStoppedSpeakingFrame())
        await asked.until(UserStoppedSpeakingFrame)
        await asked.until(LLMContextFrame)


@pytest.mark.parametrize("policy", [TurnPolicy.SMART_TURN, TurnPolicy.SILENCE])
async def test_a_cough_ends_when_deepgram_has_found_no_words_in_it(
    policy: TurnPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "NO_WORDS_S", 60)
    version = PersonaVersion(turn_policy=policy, stt_model="nova-3-general", silence_after_s=10)
    params = policies.user_params(version, BargeIn(Mock(is_speaking=False), "en-US"))
    caller, asked = CallerTurns(LLMContext(), params=params), Sink()
    async with running(caller, asked) as worker:
        await worker.queue_frame(VADUserStartedSpeakingFrame())
        await asked.until(UserStartedSpeakingFrame)
        await worker.queue_frames([TranscriptCompleteFrame(), OutputTransportMessageFrame({})])
        await asked.until(OutputTransportMessageFrame)
        assert not asked.of(UserStoppedSpeakingFrame)  # that was about what came before

        await worker.queue_frame(VADUserStoppedSpeakingFrame())
        await asked.until(VADUserStoppedSpeakingFrame)
        await worker.queue_frame(TranscriptCompleteFrame())
        await asked.until(UserStoppedSpeakingFrame)
    assert not asked.of(TranscriptCompleteFrame)


@pytest.mark.parametrize("is_speaking", [True, False], ids=["while the agent speaks", "just after"])
async def test_a_turn_that_its_final_words_begin_also_ends(is_speaking: bool) -> None:
    """Its end waits behind the words when these interrupt the agent, and an interruption drops what waits."""
    voice = Mock(is_speaking=True)
    version = PersonaVersion(turn_policy=TurnPolicy.EAGER, stt_model="flux-general-en", silence_after_s=10)
    params = policies.user_params(version, BargeIn(voice, "en-US"))
    words = TranscriptionFrame("Stop.", user_id="caller", timestamp="")
    asked = Sink()
    caller = CallerTurns(LLMContext(), params=params)
    both_wait = asyncio.Event()

    async def hold(_caller: CallerTurns, frame: Frame) -> None:
        if frame is words:
            await both_wait.wait()

    caller.add_event_handler("on_before_process_frame", hold)
    async with running(caller, asked) as worker:
        await worker.queue_frames([ProposedUserStartedSpeakingFrame(), words, ProposedUserStoppedSpeakingFrame()])
        for _ in range(1000):
            await asyncio.sleep(0)
        assert caller.has_queued_frame(ProposedUserStoppedSpeakingFrame)
        voice.is_speaking = is_speaking
        both_wait.set()
        await asked.until(UserStoppedSpeakingFrame)
        await asked.until(LLMContextFrame)

    assert len(asked.of(LLMContextFrame)) == 1


async def test_a_caller_who_pauses_between_two_finals_of_nova_is_answered_once() -> None:
    """The words interrupt the agent, and so begin the turn, when nova has long reported speech."""
    version = PersonaVersion(turn_policy=TurnPolicy.EAGER, stt_model="flux-general-en", silence_after_s=10)
    voice = Mock(is_speaking=True)
    caller = CallerTurns(LLMContext(), params=policies.user_params(version, BargeIn(voice, "en-US")))
    asked, halves = Sink(), ("Wait, I need to change the address of my order", "to the twelfth of May.")
    first, second = (TranscriptionFrame(half, user_id="caller", timestamp="") for half in halves)
    async with running(caller, asked) as worker:
        await worker.queue_frames([ProposedUserStartedSpeakingFrame(), first])
        await asked.until(UserStartedSpeakingFrame)
        await asyncio.sleep(0.7)  # Pipecat looks every half second whether the turn is over
        assert not asked.of(LLMContextFrame)

        await worker.queue_frames([second, ProposedUserStoppedSpeakingFrame()])
        request = await asked.until(LLMContextFrame)

    assert [message["content"] for message in request.context.messages] == [" ".join(halves)]  # type: ignore[index]


@pytest.mark.parametrize("policy", list(TurnPolicy))
async def test_a_yeah_at_the_end_of_the_question_is_answered(policy: TurnPolicy) -> None:
    voice = Mock(is_speaking=True, heard_s=2.0)
    model = "flux-general-en" if policy == TurnPolicy.EAGER else "nova-3-general"
    version = PersonaVersion(turn_policy=policy, stt_model=model, silence_after_s=10)
    caller = CallerTurns(LLMContext(), params=policies.user_params(version, BargeIn(voice, "en-US")))
    words, asked = TranscriptionFrame("Yeah.", user_id="caller", timestamp=""), Sink()
    words.finalized = True
    async with running(caller, asked) as worker:
        await worker.queue_frames([*_said(policy, words), OutputTransportMessageFrame({})])
        await asked.until(OutputTransportMessageFrame)
        assert not asked.of(UserStartedSpeakingFrame)

        voice.is_speaking, voice.heard_s = False, 2.3
        await worker.queue_frame(BotStoppedSpeakingFrame())
        await asked.until(UserStoppedSpeakingFrame)
        request = await asked.until(LLMContextFrame)

    assert [message["content"] for message in request.context.messages] == ["Yeah."]  # type: ignore[index]


def _said(policy: TurnPolicy, words: TranscriptionFrame) -> list[Frame]:
    """What comes when the caller says something: Flux finds the turn itself; nova is asked for its words."""
    if policy == TurnPolicy.EAGER:
        return [ProposedUserStartedSpeakingFrame(), words, ProposedUserStoppedSpeakingFrame()]
    return [VADUserStartedSpeakingFrame(), VADUserStoppedSpeakingFrame(), words]
