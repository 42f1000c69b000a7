"""Which model takes over when a persona's own does not answer.

An empty field means the other model of the same provider, so that every persona has a fallback without being edited.
"""

from agents.choices import TurnPolicy
from agents.models import PersonaSettings

# Of each pair the second stands in for the first, and the first for every other model.
STT_LOCAL = ("nova-2-general", "nova-3-general")
LLM = ("gpt-4.1-mini", "gpt-4o-mini")
TTS = ("eleven_flash_v2_5", "eleven_turbo_v2_5")


def stt_model(persona: PersonaSettings) -> str:
    """The recogniser that takes over. Behind the fast turn policy a nova model will do: it then ends the turns, too."""
    if persona.stt_fallback_model:
        return persona.stt_fallback_model
    return "nova-3-general" if persona.turn_policy == TurnPolicy.EAGER else _other(persona.stt_model, STT_LOCAL)


def llm_model(persona: PersonaSettings) -> str:
    """The language model that takes over."""
    return persona.llm_fallback_model or _other(persona.llm_model, LLM)


def tts_model(persona: PersonaSettings) -> str:
    """The voice's model that takes over."""
    return persona.tts_fallback_model or _other(persona.tts_model, TTS)


def voice_id(persona: PersonaSettings) -> str:
    """The voice that takes over."""
    return persona.fallback_voice_id or persona.voice_id


def _other(model: str, pair: tuple[str, str]) -> str:
    first, second = pair
    return second if model == first else first
