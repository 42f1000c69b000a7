"""A language model that fails: the caller is told to wait, and another one gives the reply."""

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    ErrorFrame,
    FunctionCallFromLLM,
    FunctionCallResultFrame,
    LLMFullResponseEndFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams
from pytest_django import Settings

from agents.choices import Language
from agents.phrases import ENGLISH, PHRASES
from tests.workers.providers.replying import replying
from workers.providers import circuits
from workers.providers.failover import llm
from workers.providers.services import END_CALL

REPLY = "We are open from nine to five, and on Saturday from ten to two. Do you want to come by?"
OWN, OTHER = "gpt-4.1-mini", "gpt-4o-mini"


@pytest.fixture(autouse=True)
def fresh_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "providers", circuits.Health())


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("429", "status 429"),
        ("500", "status 500"),
        ("hang", "no answer in time"),
        ("garbage", "JSONDecodeError"),
        ("refuse", "APIConnectionError"),
    ],
)
async def test_another_model_replies_after_a_word_to_the_caller(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str, why: str
) -> None:
    monkeypatch.setattr(llm, "FIRST_TOKEN_S", 0.3 if kind == "hang" else 10.0)
    async with replying(settings, {"stage": "llm", "kind": kind, "model": OWN}) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(TTSStoppedFrame, 2)
        assert parts.said.words() == f"{ENGLISH.hold_on} {REPLY}"
        assert parts.failovers == [(OWN, OTHER, why)]
        assert not parts.said.of(ErrorFrame)


async def test_a_model_that_failed_twice_is_not_asked_for_a_while(settings: Settings) -> None:
    async with replying(settings, {"stage": "llm", "kind": "500", "model": OWN}) as parts:
        for number in range(1, 4):
            await parts.ask("what are your hours")
            await parts.said.until(LLMFullResponseEndFrame, number)
        assert len(parts.failovers) == circuits.OPEN_AFTER
        assert parts.said.words().count(ENGLISH.hold_on) == circuits.OPEN_AFTER
        assert parts.said.words().count(REPLY) == 3


@pytest.mark.parametrize("language", [Language.ENGLISH_GB, Language.GERMAN])
async def test_when_all_models_fail_the_reply_ends_without_words_of_its_own(
    settings: Settings, language: Language
) -> None:
    async with replying(settings, {"stage": "llm", "kind": "500"}, language=language) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == PHRASES[language].hold_on


async def test_nobody_has_missed_a_reply_to_a_turn_that_goes_on(settings: Settings) -> None:
    async with replying(settings, {"stage": "llm", "kind": "500"}) as parts:
        await parts.worker.queue_frame(UserStartedSpeakingFrame())
        await parts.said.until(UserStartedSpeakingFrame)
        for number in (1, 2):  # the caller makes two pauses
            await parts.ask("what are your", speculation=True)
            await parts.until_model_is_done(number)
            await parts.worker.queue_frame(EagerEndOfTurnCancelFrame())
            await parts.said.until(EagerEndOfTurnCancelFrame, number)

        assert parts.errors == []


async def test_a_prediction_without_an_answer_is_a_failure_when_the_turn_is_over(settings: Settings) -> None:
    async with replying(settings, {"stage": "llm", "kind": "500"}) as parts:
        await parts.worker.queue_frame(UserStartedSpeakingFrame())
        await parts.said.until(UserStartedSpeakingFrame)
        await parts.ask("what are your hours", speculation=True)
        await parts.until_model_is_done(1)

        assert parts.errors == []

        await parts.worker.queue_frame(UserStoppedSpeakingFrame())
        await parts.said.until(UserStoppedSpeakingFrame)
        await parts.said.until(LLMFullResponseEndFrame)

        assert len(parts.errors) == 1


async def test_a_reply_that_also_hangs_up_waits_for_its_other_tools(settings: Settings) -> None:
    async with replying(settings) as parts:
        called: list[str] = []

        async def book(params: FunctionCallParams) -> None:
            called.append("book")
            await params.result_callback({"status": "booked"})

        async def end_call(params: FunctionCallParams) -> None:
            called.append("end_call")
            await params.result_callback({"status": "ended"})

        parts.llm.register_function("book", book)
        parts.llm.register_function(END_CALL, end_call)
        context = LLMContext()
        calls = [
            FunctionCallFromLLM(function_name=name, tool_call_id=name, arguments={}, context=context)
            for name in (END_CALL, "book")
        ]

        await parts.llm.run_function_calls(parts.llm._before_the_end(calls))
        await parts.said.until(FunctionCallResultFrame)

        assert called == ["book"]
        assert parts.llm._before_the_end(calls[:1]) == calls[:1]


async def test_a_model_that_works_is_the_only_one_that_is_asked(settings: Settings) -> None:
    async with replying(settings) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY
        assert await parts.models_asked() == [OWN]
