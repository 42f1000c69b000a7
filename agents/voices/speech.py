"""Has a voice say the lines of a version once, so that calls need not ask for them."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import structlog
from django.utils.module_loading import import_string

from agents.models import PersonaVersion, SpokenLine
from agents.providers import registry
from agents.providers.accounts import Account, account_of
from agents.voices import fixed_lines

log = structlog.get_logger(__name__)

TIMEOUT_S = 10  # for one line, of half a minute of speech at most; housekeeping has other work to do


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be said, and by which voice. `language` is a tag such as en-US."""

    text: str
    model: str
    voice_id: str
    language: str


@dataclass(frozen=True, slots=True)
class Speech:
    """16 kHz mono 16-bit PCM, and each word with its start in milliseconds."""

    pcm: bytes
    words: list[tuple[str, int]]


type Speak = Callable[[Account, Line, int], Speech]
"""What a provider's `speak` is; it waits so many seconds at most. An httpx.TransportError says that the provider does
not answer; whatever else it raises is about this line."""


def make_missing_lines(version: PersonaVersion) -> int:
    """Have the version's voice say the fixed lines that it has not said yet; return how many it said.

    What succeeds is kept. Raises SpeechUnavailable afterwards when a line failed; the rest is not tried when the
    provider does not answer at all.
    """
    made = 0
    failed: list[Exception] = []
    for text in fixed_lines.missing_texts(version):
        try:
            _say(version, text, TIMEOUT_S)
        except Exception as error:  # a provider's client has errors of its own, and builds objects from odd answers
            log.warning("line_not_made", version_id=version.pk, error=type(error).__name__, characters=len(text))
            failed.append(error)
            if isinstance(error, httpx.TransportError):
                break
            continue
        made += 1
    if failed:
        raise fixed_lines.SpeechUnavailable(
            f"{len(failed)} lines of version {version.pk}: {failed[0]!r:.200}"
        ) from failed[0]
    return made


def speech_of(version: PersonaVersion, text: str, timeout_s: int) -> bytes:
    """Return a text in the version's voice, as 16 kHz mono 16-bit PCM: as it was said before, or else said now.

    Raises SpeechUnavailable when the provider does not give it, or is silent for `timeout_s`.
    """
    said = fixed_lines.spoken(version, [text]).values_list("pcm", flat=True).first()
    if said is not None:
        return bytes(said)
    try:
        return _say(version, text, timeout_s).pcm
    except Exception as error:
        raise fixed_lines.SpeechUnavailable(f"one line of version {version.pk}: {error!r:.200}") from error


def _say(version: PersonaVersion, text: str, timeout_s: int) -> Speech:
    """Have the voice say a text, and keep it. Raises what the provider's client raises, or ValueError."""
    provider = registry.get(version.tts_provider)
    speak: Speak = import_string(provider.offer("tts").speak)
    line = Line(text, version.tts_model, version.voice_id, version.language)
    speech = speak(account_of(provider), line, timeout_s)
    if not speech.pcm or len(speech.pcm) % 2:
        raise ValueError(f"{len(speech.pcm)} bytes are not 16-bit speech")
    if not speech.words:
        raise ValueError("speech without words")
    row = SpokenLine(**fixed_lines.voice_of(version), text=text, pcm=speech.pcm, words=speech.words)
    # Someone else may have made it meanwhile.
    SpokenLine.objects.bulk_create([row], ignore_conflicts=True)
    return speech
