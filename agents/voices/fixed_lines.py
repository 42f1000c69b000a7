"""The lines that every call of a version may need, and which of them its voice has already said."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet

from agents.models import Persona, PersonaVersion, SpokenLine
from agents.phrases import phrases_of

SAMPLE_RATE = 16_000  # Hz, of every line: what the agent sends to a call


class SpeechUnavailable(Exception):
    """The provider did not give the speech of a line, or of several."""


def fixed_texts(version: PersonaVersion) -> list[str]:
    """What the agent says word for word, each text once, the most urgent first."""
    own = phrases_of(version)
    texts = [version.greeting, version.silence_prompt, version.goodbye]
    texts += [own.hold_on, own.say_again, own.resumed, own.goodbye]
    if version.transfer_number:
        texts.append(own.connecting)
    return [text for text in dict.fromkeys(texts) if text.strip()]


_texts_of_others: list[Callable[[PersonaVersion], Iterable[str]]] = []


def say_in_advance(texts_of: Callable[[PersonaVersion], Iterable[str]]) -> None:
    """Have voices say further texts in advance: what `texts_of` gives for a version. For apps that import this one."""
    _texts_of_others.append(texts_of)


def texts_in_advance(version: PersonaVersion) -> list[str]:
    """All that the voice of a version is to have said before it is needed: the fixed texts, and those of other apps."""
    others = (text for texts_of in _texts_of_others for text in texts_of(version))
    return list(dict.fromkeys([*fixed_texts(version), *others]))


def voice_of(version: PersonaVersion) -> dict[str, Any]:
    """Who speaks, as the fields of a SpokenLine."""
    return {
        "provider": version.tts_provider,
        "model": version.tts_model,
        "voice_id": version.voice_id,
        "language": version.language,
    }


def spoken(version: PersonaVersion, texts: Iterable[str]) -> QuerySet[SpokenLine]:
    """Those of the texts that the voice of a version has said already."""
    return SpokenLine.objects.filter(**voice_of(version), text__in=texts)


def missing_texts(version: PersonaVersion) -> list[str]:
    """What the voice of a version has yet to say in advance, the most urgent first."""
    texts = texts_in_advance(version)
    said = set(spoken(version, texts).values_list("text", flat=True))
    return [text for text in texts if text not in said]


def forget_unused() -> int:
    """Delete the lines that no live version uses; return how many.

    After a roll-back, the lines are made again.
    """
    live = PersonaVersion.objects.filter(pk__in=Persona.objects.values("live_version"))
    needed = {(*voice_of(version).values(), text) for version in live for text in texts_in_advance(version)}
    stored = SpokenLine.objects.values_list("pk", "provider", "model", "voice_id", "language", "text")
    unused = [pk for pk, *line in stored if tuple(line) not in needed]
    deleted, _ = SpokenLine.objects.filter(pk__in=unused).delete()
    return deleted
