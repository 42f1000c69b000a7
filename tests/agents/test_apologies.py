"""The recordings that stand in for a voice when no provider can speak."""

import numpy as np
import pytest

from agents.choices import Language
from agents.phrases import PHRASES
from agents.voices import apologies
from agents.voices.fixed_lines import SAMPLE_RATE


@pytest.mark.parametrize("language", Language)
def test_the_last_words_of_a_call_are_recorded_in_each_language(language: Language) -> None:
    for words in (PHRASES[language].goodbye, PHRASES[language].connecting):
        samples = np.frombuffer(apologies.SPEECH[words], dtype="<i2").astype(float)
        seconds = len(samples) / SAMPLE_RATE
        assert 8 < len(words) / seconds < 25  # characters a second, as people speak
        assert np.sqrt(np.mean(samples**2)) > 1000  # of 32768


def test_the_words_of_a_recording_follow_one_another_from_its_beginning_to_its_end() -> None:
    words = PHRASES[Language.FRENCH].goodbye
    timed = apologies.timed(words, apologies.SPEECH[words])

    starts = [start_s for _, start_s in timed]
    assert " ".join(word for word, _ in timed) == words
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert starts[-1] < len(apologies.SPEECH[words]) / 2 / SAMPLE_RATE
