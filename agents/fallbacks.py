"""The order in which a persona's providers are asked: its own first, then those that take over if it fails."""

from dataclasses import replace

from agents.models import PersonaSettings
from agents.provider_choices import Choice, from_json
from agents.providers import registry


def choices(persona: PersonaSettings, stage: str) -> list[Choice]:
    """Who does the stage (stt, llm or tts), in order. A persona that names no fallback has its provider's stand-in.

    Each fallback is there once. One may be the same as the first: the same model, asked of another account. A fallback
    that this release does not know is left out.
    """
    own = persona.own_choice(stage)
    others = dict.fromkeys(_named(persona, own)) or _stand_in(persona, own)
    return [own, *(other for other in others if registry.knows(other.provider))]


def _named(persona: PersonaSettings, own: Choice) -> list[Choice]:
    """The fallbacks that the persona names. One that names no voice, which only its own provider can, has its own."""
    return [
        choice if choice.voice_id else replace(choice, voice_id=own.voice_id)
        for choice in from_json(own.stage, getattr(persona, f"{own.stage}_fallbacks"))
    ]


def _stand_in(persona: PersonaSettings, own: Choice) -> list[Choice]:
    if not registry.knows(own.provider):
        return []
    offer = registry.get(own.provider).offer(own.stage)
    return [replace(own, model=offer.stand_in(own.model, persona.turn_policy, persona.language))]
