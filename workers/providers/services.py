"""Pipecat's services for a persona's providers. Only base URLs and keys come from the settings: see env.template."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import structlog
from openai import OpenAIError
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transcriptions.language import Language

from agents.choices import Language as PersonaLanguage
from agents.choices import TurnPolicy
from agents.models import PersonaVersion
from agents.phrases import phrases_of
from workers.providers import targets
from workers.providers.deepgram.flux import Flux
from workers.providers.deepgram.nova import Nova, NovaWithTurns
from workers.providers.failover.llm import FailoverLLM
from workers.providers.failover.stt import FailoverSTT, Recogniser
from workers.providers.speech.cached_lines import CallLines, ElevenLabsWithLines
from workers.providers.speech.held_reply import HoldingTTS, SpeculatingLLM
from workers.providers.targets import Target

log = structlog.get_logger(__name__)

WARM_UP_WITHIN_S = 5.0
PHONE_RULES = (
    "You are speaking on the telephone. Answer in {language}, in one to three short spoken sentences, without lists, "
    "markup or emoji. When the caller wants to end the conversation, say goodbye and call end_call. When a tool fails, "
    "tell the caller that it did not work and offer what you can do instead."
)


def make_stt(version: PersonaVersion) -> FailoverSTT:
    """Speech to text: 16 kHz mono 16-bit PCM in, transcripts and, with Flux, ends of turn out."""
    return _STT[version.stt_provider](version)


def make_llm(version: PersonaVersion) -> LLMService[Any]:
    """The language model, streaming."""
    return _LLM[version.llm_provider](version)


def make_tts(version: PersonaVersion, lines: CallLines, llm: LLMService[Any]) -> ElevenLabsWithLines:
    """Text to speech: 16 kHz mono 16-bit PCM with the time of each word. What is in `lines` is not asked for again.

    It speaks what `llm` says; the replies of one that speculates it holds until their turn is confirmed.
    """
    return _TTS[version.tts_provider](version, lines, llm)


async def warm_up(llm: LLMService[Any], version: PersonaVersion) -> None:
    """Open the language model's connection with a request that costs nothing, so that the first reply finds it open.

    Any answer will do: a failure is logged, and the first reply opens the connection.
    """
    if not isinstance(llm, OpenAILLMService):
        return
    client = llm._client.with_options(max_retries=0, timeout=WARM_UP_WITHIN_S)
    try:
        await client.get(f"/models/{quote(version.llm_model, safe='')}", cast_to=object)
    except OpenAIError as error:
        log.debug("warm_up_answered", error=type(error).__name__)


def _deepgram(version: PersonaVersion) -> FailoverSTT:
    # With the fast turn policy nothing behind the service listens: Deepgram finds the turns.
    audio_passthrough = version.turn_policy != TurnPolicy.EAGER
    return FailoverSTT(targets.stt(version), partial(_recogniser, version), audio_passthrough=audio_passthrough)


def _recogniser(version: PersonaVersion, target: Target) -> Recogniser:
    if target.model.startswith("flux"):
        return _flux(version, target)
    service: type[Nova] = Nova
    # Our VAD asks Deepgram to finalize; its own endpointing would finalize earlier and not say so.
    turns: dict[str, Any] = {"endpointing": False}
    if version.turn_policy == TurnPolicy.EAGER:  # in Flux's place
        service = NovaWithTurns
        turns = {"endpointing": NovaWithTurns.ENDPOINTING_MS, "utterance_end_ms": NovaWithTurns.UTTERANCE_END_MS}
    return service(
        api_key=target.api_key,
        base_url=target.base_url,
        settings=service.Settings(model=target.model, language=Language(version.language), **turns),
        audio_passthrough=False,
    )


def _flux(version: PersonaVersion, target: Target) -> Flux:
    return Flux(
        api_key=target.api_key,
        url=_websocket(target.base_url) + "/v2/listen",
        enable_eager_end_of_turn=True,
        settings=Flux.Settings(
            model=target.model,
            language_hints=[Language(version.language)] if target.model.endswith("multi") else None,
        ),
        audio_passthrough=False,
    )


def _openai(version: PersonaVersion) -> LLMService[Any]:
    service = SpeculatingLLM if version.turn_policy == TurnPolicy.EAGER else FailoverLLM
    return service(
        targets.llm(version),
        phrases_of(version).hold_on,
        settings=OpenAILLMService.Settings(model=version.llm_model, system_instruction=system_prompt(version)),
    )


def system_prompt(version: PersonaVersion) -> str:
    """The supervisor's prompt, and what holds for every call."""
    return f"{version.prompt}\n\n{PHONE_RULES.format(language=PersonaLanguage(version.language).label)}"


def _elevenlabs(version: PersonaVersion, lines: CallLines, llm: LLMService[Any]) -> ElevenLabsWithLines:
    values: dict[str, Any] = {
        "targets": targets.tts(version),
        "language": Language(version.language),
    }
    return HoldingTTS(llm, lines, **values) if isinstance(llm, SpeculatingLLM) else ElevenLabsWithLines(lines, **values)


def _websocket(url: str) -> str:
    return url.rstrip("/").replace("http", "ws", 1)


_STT: dict[str, Callable[[PersonaVersion], FailoverSTT]] = {"deepgram": _deepgram}
_LLM: dict[str, Callable[[PersonaVersion], LLMService[Any]]] = {"openai": _openai}
_TTS: dict[str, Callable[[PersonaVersion, CallLines, LLMService[Any]], ElevenLabsWithLines]] = {
    "elevenlabs": _elevenlabs
}
