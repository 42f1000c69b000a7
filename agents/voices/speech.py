"""Has a voice say the lines of a version once, so that calls need not ask for them."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import elevenlabs  # loads its client, a second's work, when that is first used: most processes never do
import httpx
import structlog
from django.conf import settings
from elevenlabs.core.api_error import ApiError

from agents.choices import TtsProvider
from agents.models import PersonaVersion, SpokenLine
from agents.voices import fixed_lines

log = structlog.get_logger(__name__)

TIMEOUT_S = 10  # for one line, of half a minute of speech at most; housekeeping has other work to do
# The SDK builds its models without checking them, so an odd answer shows as a missing attribute.
FAILURES = (ApiError, httpx.HTTPError, AttributeError, TypeError, ValueError)
# Models that take a language code; others are refused or find the language by themselves.
# elevenlabs.io/docs/api-reference/text-to-speech/convert, and Pipecat's service for the same models.
LANGUAGE_MODELS = frozenset(
    {
        "eleven_flash_v2_5",
        "eleven_turbo_v2_5",
        "eleven_v3",
        "eleven_v3_conversational",
        "eleven_v4",
        "eleven_v4_turbo",
    }
)


@dataclass(frozen=True, slots=True)
class Speech:
    """16 kHz mono 16-bit PCM, and each word with its start in milliseconds."""

    pcm: bytes
    words: list[tuple[str, int]]


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
        except FAILURES as error:
            log.warning("line_not_made", version_id=version.pk, error=type(error).__name__, characters=len(text))
            failed.append(error)
            if isinstance(error, httpx.HTTPError):
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
    except FAILURES as error:
        raise fixed_lines.SpeechUnavailable(f"one line of version {version.pk}: {error!r:.200}") from error


def _say(version: PersonaVersion, text: str, timeout_s: int) -> Speech:
    """Have the voice say a text, and keep it. Raises one of FAILURES."""
    speech = _SPEAK[TtsProvider(version.tts_provider)](version, text, timeout_s)
    line = SpokenLine(**fixed_lines.voice_of(version), text=text, pcm=speech.pcm, words=speech.words)
    # Another process may have made it meanwhile.
    SpokenLine.objects.bulk_create([line], ignore_conflicts=True)
    return speech


def _elevenlabs(version: PersonaVersion, text: str, timeout_s: int) -> Speech:
    client = elevenlabs.ElevenLabs(
        api_key=settings.ELEVENLABS_API_KEY, base_url=settings.ELEVENLABS_BASE_URL, timeout=timeout_s
    )
    language: dict[str, Any] = (
        {"language_code": version.language.split("-")[0]} if version.tts_model in LANGUAGE_MODELS else {}
    )
    answer = client.text_to_speech.convert_with_timestamps(
        version.voice_id,
        text=text,
        model_id=version.tts_model,
        output_format="pcm_16000",
        request_options={"max_retries": 0, "timeout_in_seconds": timeout_s},
        **language,
    )
    alignment = answer.alignment or answer.normalized_alignment
    if alignment is None:
        raise ValueError("speech without the times of its characters")
    return _checked(
        Speech(
            base64.b64decode(answer.audio_base_64, validate=True),
            words_of(alignment.characters, alignment.character_start_times_seconds),
        )
    )


def words_of(characters: Iterable[str], starts_s: Iterable[float]) -> list[tuple[str, int]]:
    """Join characters, each with its start in seconds, to words with their start in milliseconds.

    Raises ValueError when there are not as many starts as characters.
    """
    words: list[tuple[str, int]] = []
    in_word = False
    for character, start_s in zip(characters, starts_s, strict=True):
        if character.isspace():
            in_word = False
        elif in_word:
            words[-1] = (words[-1][0] + character, words[-1][1])
        else:
            words.append((character, round(start_s * 1000)))
            in_word = True
    return words


def _checked(speech: Speech) -> Speech:
    if not speech.pcm or len(speech.pcm) % 2:
        raise ValueError(f"{len(speech.pcm)} bytes are not 16-bit speech")
    if not speech.words:
        raise ValueError("speech without words")
    return speech


_SPEAK: dict[TtsProvider, Callable[[PersonaVersion, str, int], Speech]] = {TtsProvider.ELEVENLABS: _elevenlabs}
