"""The lines that every call of a version may need, and which of them its voice has already said."""

from typing import Any

from django.db.models import QuerySet

from agents.models import Persona, PersonaVersion, SpokenLine

SAMPLE_RATE = 16_000  # Hz, of every line: what the agent sends to a call
SORRY = "I am sorry, I did not get that. Could you say it again?"
SORRY_GOODBYE = "I am sorry, we have a technical problem. Please call again later. Goodbye."


class SpeechUnavailable(Exception):
    """The provider did not give the speech of a line, or of several."""


def fixed_texts(version: PersonaVersion) -> list[str]:
    """What the agent says word for word, each text once, the most urgent first."""
    texts = (version.greeting, version.silence_prompt, version.goodbye, SORRY, SORRY_GOODBYE)
    return [text for text in dict.fromkeys(texts) if text.strip()]


def voice_of(version: PersonaVersion) -> dict[str, Any]:
    """Who speaks, as the fields of a SpokenLine."""
    return {
        "provider": version.tts_provider,
        "model": version.tts_model,
        "voice_id": version.voice_id,
        "language": version.language,
    }


def spoken(version: PersonaVersion) -> QuerySet[SpokenLine]:
    """The fixed lines of a version that its voice has said already."""
    return SpokenLine.objects.filter(**voice_of(version), text__in=fixed_texts(version))


def missing_texts(version: PersonaVersion) -> list[str]:
    """The fixed lines of a version that its voice has yet to say, the most urgent first."""
    said = set(spoken(version).values_list("text", flat=True))
    return [text for text in fixed_texts(version) if text not in said]


def forget_unused() -> int:
    """Delete the lines that no live version says any more; return how many.

    Who goes back to an earlier version has its lines made again.
    """
    live = PersonaVersion.objects.filter(pk__in=Persona.objects.values("live_version"))
    needed = {(*voice_of(version).values(), text) for version in live for text in fixed_texts(version)}
    stored = SpokenLine.objects.values_list("pk", "provider", "model", "voice_id", "language", "text")
    unused = [pk for pk, *line in stored if tuple(line) not in needed]
    deleted, _ = SpokenLine.objects.filter(pk__in=unused).delete()
    return deleted
