"""What an agent says by itself, in each language that a persona can have."""

from dataclasses import asdict

import pytest

from agents.choices import Language
from agents.models import PersonaVersion
from agents.phrases import ENGLISH, PHRASES, phrases_of

OTHERS = [language for language in Language if not language.startswith("en")]


@pytest.mark.parametrize("language", Language)
def test_each_language_has_a_sentence_for_every_occasion(language: Language) -> None:
    phrases = asdict(phrases_of(PersonaVersion(language=language)))

    assert all(text.strip() == text and text[-1] in ".?" for text in phrases.values())
    assert len(set(phrases.values())) == len(phrases)


@pytest.mark.parametrize("language", OTHERS)
def test_no_phrase_of_another_language_was_left_in_english(language: Language) -> None:
    assert not set(asdict(PHRASES[language]).values()) & set(asdict(ENGLISH).values())


def test_no_two_languages_share_a_goodbye_so_that_a_recording_is_found_by_its_words() -> None:
    last_words = [words for phrases in {*PHRASES.values()} for words in (phrases.goodbye, phrases.connecting)]

    assert len(set(last_words)) == len(last_words)
