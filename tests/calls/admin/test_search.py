"""Calls are found in the admin by numbers and identifiers, and by words that were said."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from calls.models import Call, Turn
from calls.models.history import LONGEST_WORD
from calls.states import Status
from tests.factories import client_of, make_call, make_turns, make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/calls/call/"


def _found(search: str, client: Client | None = None) -> list[Call]:
    response = (client or client_of("Supervisors")).get(LIST, {"q": search})
    assert response.status_code == 200
    calls: list[Call] = list(response.context["cl"].result_list)
    return calls


def _said(*texts: str, **values: Any) -> Call:
    call = make_call(Status.COMPLETED, **values)
    make_turns(call, *texts)
    return call


def test_a_search_finds_words_and_beginnings_of_words_that_were_said() -> None:
    call = _said("Hello.", "I need a root canal.")
    _said("Hello.", "Wrong number.")
    for search in ("root", "CANAL", "can", "root need", '"root canal"', '"a root can"'):
        assert _found(search) == [call], search
    for search in ("anal", "root wrong", '"canal root"', '"roo canal"', "ro", '"need a ro"'):
        assert _found(search) == [], search


@pytest.mark.parametrize("search", ["0199", "555-0199", "example", "anna@exam", "4.5", "don't", "Grüß", "äpfel"])
def test_words_are_found_on_both_sides_of_what_joins_them(search: str) -> None:
    call = _said("I don't know: 555-0199, anna@example.com, and 4.50 for Äpfel.", "GRÜßE!")
    assert _found(search) == [call]


def test_no_search_asks_for_more_words_than_a_person_types() -> None:
    call = _said("One two three four five six seven eight nine.")
    response = client_of("Supervisors").get(
        LIST, {"q": "one two three four five six seven eight and more" + 3000 * " a"}
    )

    assert list(response.context["cl"].result_list) == [call]
    assert "Only the first 8 words were searched for" in response.content.decode()


def test_each_word_may_be_in_another_turn_or_column() -> None:
    call = _said("Hello.", "A root canal.", "When?", "Tomorrow.", room_name="call-dentist")
    _said("Hello.", "A root canal.")
    assert _found("root tomorrow dentist") == [call]


def test_a_call_in_which_a_word_was_said_often_is_found_once() -> None:
    call = _said("Yes.", "Yes!", "Yes?", room_name="yes-room")
    assert _found("yes") == [call]


@pytest.mark.parametrize("search", ["+1 202 555", "+12025550777", "2025550777", "0777"])
def test_a_number_is_found_as_people_write_it(search: str) -> None:
    call = _said("Hello.", caller_number="+12025550777")
    make_call(Status.COMPLETED, caller_number="+4930901820")
    assert _found(search) == [call]


@pytest.mark.parametrize(
    "search",
    [
        *("' '", "\\", "\\'", "?!", "–", "…", "a'b:*", "root & canal", "!yes", "(", "root <-> ca", "''':*"),
        *("root | x", "%", "::tsquery", "x" * (LONGEST_WORD + 1), "ä" * LONGEST_WORD, "<b>"),
    ],
)
def test_operators_quotes_and_words_that_no_index_holds_are_found_nowhere(search: str) -> None:
    _said("Hello.", "One root canal of mine.")
    assert _found(search) == []


@pytest.mark.parametrize("search", ["root:*", "!root", "(root)", "root,", "\\root", '"canal of"', "'root & canal'"])
def test_punctuation_only_separates_words(search: str) -> None:
    call = _said("Hello.", "One root canal of mine.")
    assert _found(search) == [call]


def test_who_may_not_read_what_was_said_finds_calls_by_their_columns_only() -> None:
    call = _said("Hello.", "I need a root canal.", room_name="call-here")
    client = Client()
    client.force_login(make_user("", "calls.view_call", is_staff=True))
    assert _found("call-here", client) == [call]
    for search in ("root", '"root canal"', "call-here root"):
        assert _found(search, client) == [], search


def test_what_was_said_is_searched_in_its_index() -> None:
    _said("Hello.")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "turn_words" in Turn.objects.saying("hel").order_by().explain()
