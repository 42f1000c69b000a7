"""How much of a text has been spoken, so that another voice can continue."""

from workers.providers.failover.utterances import Utterance, Utterances


def test_the_rest_begins_with_the_word_in_which_the_speech_stopped() -> None:
    utterance = Utterance("We are open from nine to five. ")
    utterance.voiced(list(" We are op"))
    assert utterance.rest() == "open from nine to five. "


def test_spaces_and_marks_do_not_count_because_providers_differ_about_them() -> None:
    utterance = Utterance("Well -- we are open.")
    utterance.voiced(list("Well we"))
    assert utterance.rest() == "are open."


def test_nothing_is_left_of_a_text_whose_letters_have_all_come() -> None:
    utterance = Utterance("Goodbye ... ")
    utterance.voiced(list("Goodbye"))
    assert utterance.rest() == ""


def test_speech_without_the_times_of_its_characters_counts_as_complete() -> None:
    utterance = Utterance("Goodbye.")
    utterance.voiced(None)
    assert utterance.rest() == ""


def test_what_is_asked_for_again_is_counted_from_the_start() -> None:
    utterance = Utterance("We are open.")
    utterance.voiced(list("We are"))
    assert utterance.start_again() == "open."
    utterance.voiced(list("op"))
    assert utterance.rest() == "open."


def test_a_provider_owes_speech_until_every_context_is_spoken_or_forgotten() -> None:
    utterances = Utterances()
    utterances["a"].text = "Hello."
    assert utterances.are_owed()
    utterances.forget("a")
    assert not utterances.are_owed()
