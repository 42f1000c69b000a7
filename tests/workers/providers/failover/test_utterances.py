"""How much of a text has been spoken, so that another voice can continue."""

from workers.providers.failover.utterances import Utterance, Utterances

WORDS = [("We", 0.0), ("are", 0.2), ("open", 0.4), ("from", 0.7)]


def _voiced(text: str, words: list[tuple[str, float]], audio_s: float) -> Utterance:
    utterance = Utterance(text)
    utterance.voiced(words)
    utterance.came(audio_s)
    return utterance


def test_the_rest_begins_with_the_first_word_of_which_nothing_has_come() -> None:
    utterance = _voiced("We are open from nine to five. ", WORDS[:3], audio_s=0.6)
    assert utterance.rest() == "from nine to five. "


def test_words_that_are_told_before_their_speech_has_come_are_not_voiced() -> None:
    utterance = _voiced("We are open from nine to five. ", WORDS, audio_s=0.3)
    assert utterance.rest() == "open from nine to five. "


def test_spaces_and_marks_do_not_count_because_providers_differ_about_them() -> None:
    assert _voiced("Well -- we are open.", [("Well", 0.0), ("we", 0.3)], audio_s=0.5).rest() == "are open."


def test_nothing_is_left_of_a_text_whose_letters_have_all_come() -> None:
    assert _voiced("Goodbye ... ", [("Goodbye", 0.0)], audio_s=0.5).rest() == ""


def test_speech_of_a_voice_that_never_tells_its_words_counts_as_complete() -> None:
    utterance = Utterance("Goodbye.", is_timed=False)
    assert utterance.rest() == "Goodbye."
    utterance.came(0.1)
    assert utterance.rest() == ""


def test_what_is_asked_for_again_is_counted_from_the_start() -> None:
    utterance = _voiced("We are open.", WORDS[:2], audio_s=0.4)
    assert utterance.start_again() == "open."
    utterance.came(0.1)
    assert utterance.rest() == "open."
    assert utterance.sent_s == 0.5


def test_a_provider_owes_speech_until_every_context_is_spoken_or_forgotten() -> None:
    utterances = Utterances()
    utterances["a"].text = "Hello."
    assert utterances.are_owed()
    utterances.forget("a")
    assert not utterances.are_owed()
