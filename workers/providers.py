"""Pipecat's services for a persona's providers. Only base URLs and keys come from the settings: see env.template."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language

from agents.choices import Language as PersonaLanguage
from agents.choices import LlmProvider, SttProvider, TtsProvider, TurnPolicy
from agents.models import PersonaVersion

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


def make_tts(version: PersonaVersion) -> TTSService:
    """Text to speech: 16 kHz mono 16-bit PCM with the time of each word."""
    return _TTS[TtsProvider(version.tts_provider)](version)


def _deepgram(version: PersonaVersion) -> STTService:
    if version.turn_policy == TurnPolicy.EAGER:
        return DeepgramFluxSTTService(
            api_key=settings.DEEPGRAM_API_KEY,
            url=_websocket(settings.DEEPGRAM_BASE_URL) + "/v2/listen",
            enable_eager_end_of_turn=True,
            settings=DeepgramFluxSTTService.Settings(
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
    return OpenAILLMService(
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL,
        settings=OpenAILLMService.Settings(model=version.llm_model, system_instruction=system_prompt(version)),
    )


def system_prompt(version: PersonaVersion) -> str:
    """The supervisor's prompt, and what holds for every call."""
    return f"{version.prompt}\n\n{PHONE_RULES.format(language=PersonaLanguage(version.language).label)}"


def _elevenlabs(version: PersonaVersion) -> TTSService:
    return ElevenLabsTTSService(
        api_key=settings.ELEVENLABS_API_KEY,
        url=_websocket(settings.ELEVENLABS_BASE_URL),
        settings=ElevenLabsTTSService.Settings(
            model=version.tts_model, voice=version.voice_id, language=Language(version.language)
        ),
    )


def _websocket(url: str) -> str:
    return url.rstrip("/").replace("http", "ws", 1)


_STT: dict[SttProvider, Callable[[PersonaVersion], STTService]] = {SttProvider.DEEPGRAM: _deepgram}
_LLM: dict[LlmProvider, Callable[[PersonaVersion], LLMService[Any]]] = {LlmProvider.OPENAI: _openai}
_TTS: dict[TtsProvider, Callable[[PersonaVersion], TTSService]] = {TtsProvider.ELEVENLABS: _elevenlabs}
