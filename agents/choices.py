"""The vocabulary of a persona: languages, turn policies, and the providers that a worker can run."""

from django.db.models import TextChoices

from agents.providers import registry

# Django keeps functions in its migrations, not what they return: a new provider changes no migration.


def stt_providers() -> list[tuple[str, str]]:
    """Who offers speech to text, each with its label."""
    return _offering("stt")


def llm_providers() -> list[tuple[str, str]]:
    """Who offers language models, each with its label."""
    return _offering("llm")


def tts_providers() -> list[tuple[str, str]]:
    """Who offers text to speech, each with its label."""
    return _offering("tts")


def _offering(stage: str) -> list[tuple[str, str]]:
    return [(provider.name, provider.label) for provider in registry.offering(stage)]


class TurnPolicy(TextChoices):
    """Who decides that the caller has finished speaking.

    EAGER: the speech to text provider does. Deepgram Flux predicts the end of the turn; the reply is prepared at once
    and held until it is confirmed.
    SMART_TURN: silence found by Silero VAD, judged by the smart-turn model on the worker.
    SILENCE: 200 ms of silence found by Silero VAD, whatever was said.

    The providers' manifests say which models work with which.
    """

    EAGER = "eager", "Fast: answer a predicted end of turn"
    SMART_TURN = "smart_turn", "Local: voice activity and smart-turn"
    SILENCE = "silence", "Local: any pause of 200 ms ends the turn"


class Language(TextChoices):
    """BCP 47 tags. The providers' manifests say which models support them."""

    ENGLISH_US = "en-US", "English (United States)"
    ENGLISH_GB = "en-GB", "English (United Kingdom)"
    SPANISH = "es", "Spanish"
    FRENCH = "fr", "French"
    GERMAN = "de", "German"
    ITALIAN = "it", "Italian"
    PORTUGUESE = "pt", "Portuguese"
    DUTCH = "nl", "Dutch"
