"""What a page is told of the board: what its owner may see, and only what is new."""

from typing import Any

import pytest

from calls.models import Call
from calls.states import Status
from desk.board.live_calls import read_board
from desk.board.watching import View, Watching
from tests.factories import make_call, make_event, make_number, make_persona, make_turns

pytestmark = pytest.mark.django_db

ALL = View(words=True, numbers=True)


def news(view: View) -> dict[str, Any]:
    told = Watching(view).news(read_board())
    assert told is not None
    return told


def talking(**values: Any) -> Call:
    call = make_call(Status.IN_PROGRESS, caller_number="+12025550123", **values)
    make_turns(call, "Hello.", "This is ridiculous.")
    return call


def test_a_page_is_told_all_calls_first_and_then_the_changed_ones() -> None:
    watching, calls = Watching(ALL), [talking(), talking()]
    first = watching.news(read_board())
    make_turns(calls[0], "I am sorry.")
    second = watching.news(read_board())

    assert first is not None
    assert second is not None
    assert set(first["rows"]) == set(first["order"]) == {str(call.pk) for call in calls}
    assert list(second["rows"]) == [str(calls[0].pk)]
    assert set(second["order"]) == set(first["order"])
    assert "I am sorry." in second["rows"][str(calls[0].pk)]


def test_nothing_new_is_not_told() -> None:
    watching = Watching(ALL)
    talking()

    assert watching.news(read_board()) is not None
    assert watching.news(read_board()) is None


def test_a_call_that_ends_leaves_the_order() -> None:
    watching, call = Watching(ALL), talking()
    watching.news(read_board())
    call.delete()

    told = watching.news(read_board())

    assert told == {"order": [], "rows": {}, "live": 0, "waiting": 0}


def test_a_database_that_is_away_is_told_once_and_then_what_is_new_again() -> None:
    watching = Watching(ALL)
    talking()
    watching.news(read_board())

    assert "problem" in (watching.news(None) or {})
    assert watching.news(None) is None
    assert watching.news(read_board()) is not None


def test_who_may_not_read_words_sees_neither_them_nor_the_mood() -> None:
    call = talking()
    row = news(View(words=False, numbers=True))["rows"][str(call.pk)]

    assert "ridiculous" not in row
    assert "Angry" not in row
    assert "Angry" in news(ALL)["rows"][str(call.pk)]


def test_who_may_not_see_numbers_sees_them_masked() -> None:
    call = talking()

    assert "+1 202 555 0123" not in news(View(words=True, numbers=False))["rows"][str(call.pk)]
    assert "+1 202 555 0123" in news(ALL)["rows"][str(call.pk)]


def test_words_are_text_and_no_markup() -> None:
    call = make_call(Status.IN_PROGRESS)
    make_turns(call, "<script>alert(1)</script>")

    assert "<script>" not in news(ALL)["rows"][str(call.pk)]


def test_filters_choose_by_persona_number_and_state() -> None:
    anna, ben = make_number(persona=make_persona("Anna")), make_number(persona=make_persona("Ben"))
    with_anna, with_ben = talking(number=anna), talking(number=ben)
    waiting = make_call(Status.QUEUED, anna)
    make_event(with_ben, "failover").save()

    def shown(**asked: str) -> list[str]:
        return sorted(news(View(words=False, numbers=True, **asked))["order"])

    assert shown(persona=str(anna.persona_id)) == sorted([str(with_anna.pk), str(waiting.pk)])
    assert shown(number=str(ben.pk)) == [str(with_ben.pk)]
    assert shown(show="waiting") == [str(waiting.pk)]
    assert shown(show="talking", number=str(anna.pk)) == [str(with_anna.pk)]
    assert str(with_ben.pk) in shown(show="trouble")
    assert shown(persona="nobody") == []


def test_the_counts_are_of_all_calls_whatever_is_shown() -> None:
    talking()
    make_call(Status.QUEUED)

    told = news(View(words=True, numbers=True, persona="nobody"))

    assert (told["live"], told["waiting"]) == (2, 1)
