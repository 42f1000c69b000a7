"""Where a stage of a persona's conversation is done, and where else when it is not done there."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from agents import fallbacks
from agents.models import PersonaVersion


@dataclass(frozen=True, slots=True)
class Target:
    """One model at one address. `voice_id` is for speech only."""

    stage: str
    provider: str
    model: str
    base_url: str
    api_key: str = field(repr=False)
    voice_id: str = ""

    def __str__(self) -> str:
        """The model and the host, for logs and events."""
        return f"{self.model} at {urlsplit(self.base_url).netloc}"


def stt(version: PersonaVersion) -> list[Target]:
    """The persona's own recogniser, then its fallback if that differs."""
    return _distinct(
        Target("stt", "deepgram", version.stt_model, settings.DEEPGRAM_BASE_URL, settings.DEEPGRAM_API_KEY),
        Target(
            "stt",
            "deepgram",
            fallbacks.stt_model(version),
            settings.FALLBACK_DEEPGRAM_BASE_URL,
            settings.FALLBACK_DEEPGRAM_API_KEY,
        ),
    )


def llm(version: PersonaVersion) -> list[Target]:
    """The persona's own language model, then its fallback if that differs."""
    return _distinct(
        Target("llm", "openai", version.llm_model, settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY),
        Target(
            "llm",
            "openai",
            fallbacks.llm_model(version),
            settings.FALLBACK_OPENAI_BASE_URL,
            settings.FALLBACK_OPENAI_API_KEY,
        ),
    )


def tts(version: PersonaVersion) -> list[Target]:
    """The persona's own voice, then its fallback if that differs."""
    return _distinct(
        Target(
            "tts",
            "elevenlabs",
            version.tts_model,
            settings.ELEVENLABS_BASE_URL,
            settings.ELEVENLABS_API_KEY,
            version.voice_id,
        ),
        Target(
            "tts",
            "elevenlabs",
            fallbacks.tts_model(version),
            settings.FALLBACK_ELEVENLABS_BASE_URL,
            settings.FALLBACK_ELEVENLABS_API_KEY,
            fallbacks.voice_id(version),
        ),
    )


def _distinct(*targets: Target) -> list[Target]:
    return list(dict.fromkeys(targets))
