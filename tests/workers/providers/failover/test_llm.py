"""A language model that fails: the caller is told to wait, and another one gives the reply."""

import pytest
from pipecat.frames.frames import ErrorFrame, LLMFullResponseEndFrame, TTSStoppedFrame
from pytest_django import Settings

from agents.choices import Language
from agents.phrases import ENGLISH, PHRASES
from tests.workers.providers.replying import replying
from workers.providers import circuits
from workers.providers.failover import llm

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


async def test_a_model_that_works_is_the_only_one_that_is_asked(settings: Settings) -> None:
    async with replying(settings) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY
        assert await parts.models_asked() == [OWN]
