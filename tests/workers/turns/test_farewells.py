"""Who takes leave, in every language of a persona."""

import pytest

from agents.choices import Language
from agents.phrases import PHRASES
from workers.turns.farewells import is_farewell, takes_leave


@pytest.mark.parametrize("language", list(Language))
def test_the_programs_own_goodbye_takes_leave_and_its_questions_do_not(language: Language) -> None:
    phrases = PHRASES[language]
    assert takes_leave(phrases.goodbye, language)
    assert not takes_leave(phrases.say_again, language)
    assert not takes_leave(phrases.hold_on, language)


@pytest.mark.parametrize(
    ("words", "language", "expected"),
    [
        ("Bye, bye!", "en-US", True),
        ("Okay, thank you very much. Goodbye.", "en-GB", True),
        ("Thanks, you too, have a nice day.", "en-US", True),
        ("Gracias, adiós.", "es", True),
        ("Merci, au revoir", "fr", True),
        ("Danke, tschüss!", "de", True),
        ("Vielen Dank, auf Wiederhören.", "de", True),
        ("Grazie mille, arrivederci.", "it", True),
        ("Obrigada, até logo.", "pt", True),
        ("Dank u wel, tot ziens.", "nl", True),
        ("No!", "en-US", False),
        ("And", "en-US", False),
        ("Thank you, but what about Tuesday?", "en-US", False),
        ("Nein, warten Sie", "de", False),
        ("", "en-US", False),
    ],
)
def test_words_that_need_no_answer(words: str, language: str, expected: bool) -> None:
    assert is_farewell(words, language) is expected


def test_a_caller_who_says_bye_forever_costs_no_time() -> None:
    assert not is_farewell("bye bye thank you very much " * 500 + "wait", "en-US")  # or this never ends
