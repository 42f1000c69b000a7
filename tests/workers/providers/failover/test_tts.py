"""A voice that fails: another one says the words that were not heard, and nothing twice."""

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pytest_django import Settings

from agents.choices import Language
from agents.phrases import PHRASES
from agents.voices import apologies
from tests.workers.providers.replying import replying
from workers.providers import circuits, synthesizer
from workers.providers.failover import llm, outage

REPLY = "We are open from nine to five, and on Saturday from ten to two. Do you want to come by?"
OWN, OTHER = "eleven_flash_v2_5", "eleven_turbo_v2_5"


@pytest.fixture(autouse=True)
def fresh_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "providers", circuits.Health())
    monkeypatch.setattr(synthesizer, "CONNECT_WITHIN_S", 10.0)  # a busy machine is no failure
    monkeypatch.setattr(llm, "FIRST_TOKEN_S", 10.0)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("no_audio", "no audio"),
        ("hang", "no audio in time"),
        ("garbage", "an answer that is not JSON"),
        ("refuse", "cannot connect"),
        ("500", "cannot connect"),
    ],
)
async def test_another_voice_says_the_same_words_once(settings: Settings, kind: str, why: str) -> None:
    async with replying(settings, {"stage": "tts", "kind": kind, "model": OWN}) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY
        assert [(failed, taken) for failed, taken, _ in parts.failovers] == [(OWN, OTHER)]
        assert why in parts.failovers[0][2]
        assert parts.mutes == [OWN] * why.startswith("no audio")
        assert not parts.said.of(ErrorFrame)


@pytest.mark.parametrize("kind", ["no_audio", "hang"])
async def test_a_voice_without_another_says_the_same_words_once_on_a_new_connection(
    settings: Settings, kind: str
) -> None:
    sole = [{"provider": "elevenlabs", "model": OWN}]  # the same model of the same account: there is no other
    async with replying(settings, {"stage": "tts", "kind": kind, "count": 1}, tts_fallbacks=sole) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY
        assert parts.mutes == [OWN]
        assert not parts.failovers
        assert not parts.said.of(ErrorFrame)


async def test_a_connection_that_is_cut_in_mid_utterance_loses_no_word(settings: Settings) -> None:
    async with replying(settings) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(TTSAudioRawFrame)
        await parts.fault("tts", "close_after", after_s=0, model=OWN)
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY


async def test_when_no_voice_is_left_the_reply_is_given_up_and_not_in_the_transcript(settings: Settings) -> None:
    async with replying(settings, {"stage": "tts", "kind": "hang"}) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.tts.is_down
        assert parts.said.words() == ""


@pytest.mark.parametrize("language", Language)
async def test_when_no_voice_is_left_the_goodbye_is_a_recording_in_the_personas_language(
    settings: Settings, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "TRIES_FOR_S", 0.0)
    goodbye = PHRASES[language].goodbye
    async with replying(settings, {"stage": "tts", "kind": "refuse"}, language=language) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        await parts.worker.queue_frame(TTSSpeakFrame(goodbye))
        await parts.said.until(LLMAssistantPushAggregationFrame)
        assert parts.said.words() == goodbye
        assert b"".join(frame.audio for frame in parts.said.of(TTSAudioRawFrame)) == apologies.SPEECH[goodbye]
