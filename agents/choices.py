"""The vocabulary of a persona: providers, models and turn policies that a worker can run."""

from django.db.models import TextChoices


class SttProvider(TextChoices):
    DEEPGRAM = "deepgram", "Deepgram"


class LlmProvider(TextChoices):
    OPENAI = "openai", "OpenAI (or anything compatible)"


class TtsProvider(TextChoices):
    ELEVENLABS = "elevenlabs", "ElevenLabs"


class TurnPolicy(TextChoices):
    """Who decides that the caller has finished speaking.

    EAGER: Deepgram Flux predicts the end of the turn; the reply is prepared at once and held until it is confirmed.
    SMART_TURN: silence found by Silero VAD, judged by the smart-turn model on the worker; for Deepgram's nova models.
    SILENCE: 200 ms of silence found by Silero VAD, whatever was said; for Deepgram's nova models.
    """

    EAGER = "eager", "Fast: answer a predicted end of turn (Deepgram Flux)"
    SMART_TURN = "smart_turn", "Local: voice activity and smart-turn (Deepgram nova)"
    SILENCE = "silence", "Local: any pause of 200 ms ends the turn (Deepgram nova)"


class Language(TextChoices):
    """BCP 47 tags that all three providers understand."""

    ENGLISH_US = "en-US", "English (United States)"
    ENGLISH_GB = "en-GB", "English (United Kingdom)"
    SPANISH = "es", "Spanish"
    FRENCH = "fr", "French"
    GERMAN = "de", "German"
    ITALIAN = "it", "Italian"
    PORTUGUESE = "pt", "Portuguese"
    DUTCH = "nl", "Dutch"
