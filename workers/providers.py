"""Pipecat's services for a persona's providers. Only base URLs and keys come from the settings: see env.template."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import structlog
from django.conf import settings
from openai import OpenAIError
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language

from agents.choices import Language as PersonaLanguage
from agents.choices import LlmProvider, SttProvider, TtsProvider, TurnPolicy
from agents.models import PersonaVersion
from workers.flux import Flux
from workers.held_reply import HoldingTTS, SpeculatingLLM
from workers.language_model import PooledLLM
from workers.lines import CallLines, ElevenLabsWithLines

log = structlog.get_logger(__name__)

WARM_UP_WITHIN_S = 5.0
PHONE_RULES = (
    "You are speaking on the telephone. Answer in {language}, in one to three short spoken sentences, without lists, "
    "markup or emoji. When the caller wants to end the conversation, say goodbye and call end_call. When a tool fails, "
    "tell the caller that it did not work and offer what you can do instead."
)


def make_stt(version: PersonaVersion) -> STTService:
    """Speech to text: 16 kHz mono 16-bit PCM in, transcripts and, with Flux, ends of turn out."""
    return _STT[SttProvider(version.stt_provider)](version)


def make_llm(version: PersonaVersion) -> LLMService[Any]:
    """The language model, streaming."""
    return _LLM[LlmProvider(version.llm_provider)](version)


def make_tts(version: PersonaVersion, lines: CallLines, llm: LLMService[Any]) -> TTSService:
    """Text to speech: 16 kHz mono 16-bit PCM with the time of each word. What is in `lines` is not asked for again.

    It speaks what `llm` says; the replies of one that speculates it holds until their turn is confirmed.
    """
    return _TTS[TtsProvider(version.tts_provider)](version, lines, llm)


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


def _deepgram(version: PersonaVersion) -> STTService:
    if version.turn_policy == TurnPolicy.EAGER:
        return Flux(
            api_key=settings.DEEPGRAM_API_KEY,
            url=_websocket(settings.DEEPGRAM_BASE_URL) + "/v2/listen",
            enable_eager_end_of_turn=True,
            settings=Flux.Settings(
                model=version.stt_model,
                language_hints=[Language(version.language)] if version.stt_model.endswith("multi") else None,
            ),
            audio_passthrough=False,  # nothing behind the service listens: Flux finds the turns
        )
    return DeepgramSTTService(
        api_key=settings.DEEPGRAM_API_KEY,
        base_url=settings.DEEPGRAM_BASE_URL,
        settings=DeepgramSTTService.Settings(
            model=version.stt_model,
            language=Language(version.language),
            # Our VAD asks Deepgram to finalize; its own endpointing would finalize earlier and not say so.
            endpointing=False,
        ),
    )


def _openai(version: PersonaVersion) -> LLMService[Any]:
    service = SpeculatingLLM if version.turn_policy == TurnPolicy.EAGER else PooledLLM
    return service(
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL,
        settings=OpenAILLMService.Settings(model=version.llm_model, system_instruction=system_prompt(version)),
    )


def system_prompt(version: PersonaVersion) -> str:
    """The supervisor's prompt, and what holds for every call."""
    return f"{version.prompt}\n\n{PHONE_RULES.format(language=PersonaLanguage(version.language).label)}"


def _elevenlabs(version: PersonaVersion, lines: CallLines, llm: LLMService[Any]) -> TTSService:
    values: dict[str, Any] = {
        "api_key": settings.ELEVENLABS_API_KEY,
        "url": _websocket(settings.ELEVENLABS_BASE_URL),
        "settings": ElevenLabsWithLines.Settings(
            model=version.tts_model, voice=version.voice_id, language=Language(version.language)
        ),
    }
    return HoldingTTS(llm, lines, **values) if isinstance(llm, SpeculatingLLM) else ElevenLabsWithLines(lines, **values)


def _websocket(url: str) -> str:
    return url.rstrip("/").replace("http", "ws", 1)


_STT: dict[SttProvider, Callable[[PersonaVersion], STTService]] = {SttProvider.DEEPGRAM: _deepgram}
_LLM: dict[LlmProvider, Callable[[PersonaVersion], LLMService[Any]]] = {LlmProvider.OPENAI: _openai}
_TTS: dict[TtsProvider, Callable[[PersonaVersion, CallLines, LLMService[Any]], TTSService]] = {
    TtsProvider.ELEVENLABS: _elevenlabs
}
