"""A provider of another vendor takes over within the same utterance, in any order of a persona's list."""

from pathlib import Path
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    FunctionCallInProgressFrame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pytest_django import Settings

from agents.phrases import ENGLISH
from agents.providers import registry
from tests.workers.providers.replying import replying
from workers import providers
from workers.providers import circuits, synthesizer
from workers.providers.failover import llm

REPLY = "We are open from nine to five, and on Saturday from ten to two. Do you want to come by?"
ELEVENLABS = {"provider": "elevenlabs", "model": "eleven_flash_v2_5", "voice_id": "JBFqnCBsd6RMkjVDRZzb"}
CARTESIA = {"provider": "cartesia", "model": "sonic-3", "voice_id": "f786b574-daa5-4673-aa0c-cbe3e8534c02"}
OPENAI = {"provider": "openai", "model": "gpt-4.1-mini"}
ANTHROPIC = {"provider": "anthropic", "model": "claude-haiku-4-5"}
VOICES = pytest.mark.parametrize(
    ("own", "other"), [(ELEVENLABS, CARTESIA), (CARTESIA, ELEVENLABS)], ids=["to cartesia", "to elevenlabs"]
)
MODELS = pytest.mark.parametrize(
    ("own", "other"), [(OPENAI, ANTHROPIC), (ANTHROPIC, OPENAI)], ids=["to anthropic", "to openai"]
)


@pytest.fixture(autouse=True)
def fresh_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "providers", circuits.Health())
    monkeypatch.setattr(synthesizer, "CONNECT_WITHIN_S", 10.0)  # a busy machine is no failure
    monkeypatch.setattr(llm, "FIRST_TOKEN_S", 10.0)


def _speaks(own: dict[str, str], *others: dict[str, str]) -> dict[str, Any]:
    return {
        "tts_provider": own["provider"],
        "tts_model": own["model"],
        "voice_id": own["voice_id"],
        "tts_fallbacks": list(others),
    }


def _thinks(own: dict[str, str], *others: dict[str, str]) -> dict[str, Any]:
    return {"llm_provider": own["provider"], "llm_model": own["model"], "llm_fallbacks": list(others)}


@VOICES
@pytest.mark.parametrize("kind", ["no_audio", "hang", "garbage", "refuse"])
async def test_another_vendors_voice_says_the_same_words_once(
    settings: Settings, own: dict[str, str], other: dict[str, str], kind: str
) -> None:
    fault = {"stage": "tts", "kind": kind, "provider": own["provider"]}
    async with replying(settings, fault, **_speaks(own, other)) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY
        assert [(failed, taken) for failed, taken, _ in parts.failovers] == [(own["model"], other["model"])]
        assert not parts.said.of(ErrorFrame)


@VOICES
async def test_a_voice_whose_connection_is_cut_in_mid_utterance_loses_no_word(
    settings: Settings, own: dict[str, str], other: dict[str, str]
) -> None:
    async with replying(settings, **_speaks(own, other)) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(TTSAudioRawFrame)
        await parts.fault("tts", "close_after", after_s=0, provider=own["provider"])
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY


@VOICES
async def test_the_words_of_all_vendors_are_timed_in_order_from_when_the_speech_begins(
    settings: Settings, own: dict[str, str], other: dict[str, str]
) -> None:
    async with replying(settings, **_speaks(own, other)) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(TTSStoppedFrame)
        times = [frame.pts or 0 for frame in parts.said.of(TTSTextFrame)]
        speech_s = sum(frame.num_frames / frame.sample_rate for frame in parts.said.of(TTSAudioRawFrame))
        assert times == sorted(times)
        assert 0.5 * speech_s < (times[-1] - times[0]) / 1e9 < speech_s


@MODELS
@pytest.mark.parametrize(
    ("kind", "why"),
    [("429", "status 429"), ("500", "status 500"), ("hang", "no answer in time"), ("refuse", "APIConn")],
)
async def test_another_vendors_model_replies_after_a_word_to_the_caller(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    own: dict[str, str],
    other: dict[str, str],
    kind: str,
    why: str,
) -> None:
    if kind == "hang":
        monkeypatch.setattr(llm, "FIRST_TOKEN_S", 0.3)
    fault = {"stage": "llm", "kind": kind, "provider": own["provider"]}
    async with replying(settings, fault, **_thinks(own, other)) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(TTSStoppedFrame, 2)
        assert parts.said.words() == f"{ENGLISH.hold_on} {REPLY}"
        assert [(failed, taken) for failed, taken, _ in parts.failovers] == [(own["model"], other["model"])]
        assert why in parts.failovers[0][2]


@pytest.mark.parametrize("own", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
async def test_a_model_of_any_vendor_calls_a_tool_after_its_words(settings: Settings, own: dict[str, str]) -> None:
    async with replying(settings, **_thinks(own)) as parts:
        called: list[str] = []

        async def hang_up(params: Any) -> None:
            called.append(params.function_name)
            await params.result_callback({"status": "ended"})

        parts.llm.register_function("end_call", hang_up)
        await parts.ask("goodbye")
        await parts.said.until(FunctionCallInProgressFrame)
        await parts.said.until(TTSStoppedFrame)
        assert called == ["end_call"]
        assert parts.said.words() == "Thank you for calling."


async def test_an_order_of_three_vendors_is_gone_through_until_one_answers(settings: Settings) -> None:
    voices = _speaks(CARTESIA, ELEVENLABS | {"model": "eleven_turbo_v2_5"}, ELEVENLABS)
    first_two = {"stage": "tts", "kind": "refuse", "count": 2}
    async with replying(settings, first_two, **voices) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY
        assert parts.failovers[-1][:2] == ("eleven_turbo_v2_5", "eleven_flash_v2_5")


ACME = '''
"""Acme: text to speech, by the example of docs/ADD_A_PROVIDER.md."""

from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

from workers.providers.synthesizer import Synthesizer


class Acme(Synthesizer, ElevenLabsTTSService):
    """Pipecat's service as it is."""


def voice(target, language, listener):
    settings = Acme.Settings(model=target.model, voice=target.voice_id, language=language)
    url = target.base_url.replace("http", "ws")
    return Acme(listener=listener, api_key=target.api_key, url=url, settings=settings)
'''
ACME_MANIFEST = """
label = "Acme"
base_url = "https://api.acme.example"
[key_request]
path = "/v1/models"
[tts]
service = "workers.providers.acme.voice"
speak = "workers.providers.acme.speak"
voices = "workers.providers.acme.list_voices"
stand_ins = ["acme-1"]
[tts.price]
1000_characters = 3
[[tts.models]]
name = "acme-*"
"""


async def test_a_strangers_voice_takes_over_with_a_folder_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "provider.toml").write_text(ACME_MANIFEST)
    (folder / "__init__.py").write_text(ACME)
    monkeypatch.setattr(registry, "FOLDERS", [*registry.FOLDERS, tmp_path])
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    settings.ACME_PRICE_1000_CHARACTERS = 3.0
    acme = {"provider": "acme", "model": "acme-1", "voice_id": ELEVENLABS["voice_id"]}
    fault = {"stage": "tts", "kind": "hang", "model": ELEVENLABS["model"]}
    async with replying(settings, fault, **_speaks(ELEVENLABS, acme)) as parts:
        await parts.ask("what are your hours")
        await parts.said.until(LLMFullResponseEndFrame)
        assert parts.said.words() == REPLY
        assert [(failed, taken) for failed, taken, _ in parts.failovers] == [("eleven_flash_v2_5", "acme-1")]
