"""A line in one of ElevenLabs' voices, over HTTP."""

import base64
from collections.abc import Iterable
from typing import Any

import elevenlabs  # loads its client, a second's work, when that is first used

from agents.providers.accounts import Account
from agents.voices.speech import Line, Speech

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


def speak(account: Account, line: Line, timeout_s: int) -> Speech:
    """Have the voice say the line."""
    client = elevenlabs.ElevenLabs(api_key=account.api_key, base_url=account.base_url, timeout=timeout_s)
    language: dict[str, Any] = {"language_code": line.language.split("-")[0]} if line.model in LANGUAGE_MODELS else {}
    answer = client.text_to_speech.convert_with_timestamps(
        line.voice_id,
        text=line.text,
        model_id=line.model,
        output_format="pcm_16000",
        request_options={"max_retries": 0, "timeout_in_seconds": timeout_s},
        **language,
    )
    alignment = answer.alignment or answer.normalized_alignment
    if alignment is None:
        raise ValueError("speech without the times of its characters")
    return Speech(
        base64.b64decode(answer.audio_base_64, validate=True),
        words_of(alignment.characters, alignment.character_start_times_seconds),
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
