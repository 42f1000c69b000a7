"""What the desk reads of the live calls: all of it in one query."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from calls.models import Call, Supervision
from calls.models.history import Speaker
from calls.states import Floor, Status
from desk.board.live_calls import LiveCall, read_board
from tests.factories import make_call, make_event, make_number, make_persona, make_turn, make_turns, make_user

pytestmark = pytest.mark.django_db


def shown(call: Call) -> LiveCall:
    return next(live for live in read_board().calls if live.id == call.pk)


def test_it_shows_who_calls_whom_and_what_was_said_last() -> None:
    number = make_number("+12025550100", make_persona("Anna"), label="Front desk")
    call = make_call(Status.IN_PROGRESS, number, caller_number="+12025550123")
    make_turns(call, "Hello, this is Anna.", "I need an appointment.", "On Tuesday?")

    live = shown(call)

    assert (live.caller, live.persona, live.state) == ("+1 202 555 0123", "Anna", "Talking")
    assert "0123" not in live.masked_caller[:-2]
    assert (live.speaker_name, live.words, live.reply_ms) == ("Anna", "On Tuesday?", 580)
    assert live.since == call.answered_at


def test_ended_calls_are_not_on_it() -> None:
    make_call(Status.COMPLETED)

    assert read_board().calls == ()


def test_any_number_of_calls_costs_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(3):
        call = make_call(Status.IN_PROGRESS)
        make_turns(call, "Hello.", "Good morning.")
        make_event(call, "failover").save()
        Supervision.objects.create(call=call, user=make_user(), identity=f"s{call.pk}", joined_at=timezone.now())

    with django_assert_num_queries(1):
        assert len(read_board().calls) == 3


def test_who_waits_has_a_place_in_the_order_of_arrival_and_comes_after_those_who_talk() -> None:
    number, now = make_number(), timezone.now()
    later = make_call(Status.QUEUED, number, created_at=now - timedelta(seconds=10))
    first = make_call(Status.QUEUED, number, created_at=now - timedelta(seconds=20))
    talking = make_call(Status.IN_PROGRESS, number)

    board = read_board()

    assert [(live.id, live.position) for live in board.calls] == [(talking.pk, None), (first.pk, 1), (later.pk, 2)]
    assert board.waiting == 2


def test_a_call_in_trouble_comes_first() -> None:
    number = make_number()
    make_call(Status.IN_PROGRESS, number, answered_at=timezone.now())
    troubled = make_call(Status.IN_PROGRESS, number, answered_at=timezone.now())
    make_event(troubled, "failover").save()

    first = read_board().calls[0]

    assert (first.id, first.trouble) == (troubled.pk, ("A provider failed",))


def test_an_old_event_is_no_trouble_any_more() -> None:
    call = make_call(Status.IN_PROGRESS, answered_at=timezone.now())
    make_event(call, "failover", at=timezone.now() - timedelta(minutes=2)).save()

    assert shown(call).trouble == ()


def test_it_shows_the_mood_of_the_callers_latest_words() -> None:
    call = make_call(Status.IN_PROGRESS)
    make_turns(call, "Hello.", "This is ridiculous, I don't understand you.")

    assert shown(call).mood == ("Angry caller", "Confused caller")


def test_it_shows_which_supervisors_are_there_each_once() -> None:
    call, now = make_call(Status.IN_PROGRESS), timezone.now()
    ada, bob = make_user("ada"), make_user("bob")
    stays = [(ada, now, None), (ada, now, None), (bob, now, now), (bob, None, None)]
    for number, (user, joined_at, left_at) in enumerate(stays):
        Supervision.objects.create(
            call=call, user=user, identity=f"supervisor-{number}", joined_at=joined_at, left_at=left_at
        )

    assert shown(call).watched_by == ("ada",)


def test_a_call_that_a_supervisor_has_taken_over_is_not_called_silent() -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    call = make_call(Status.IN_PROGRESS, answered_at=long_ago, floor=Floor.SUPERVISOR, floor_identity="supervisor-1")
    make_turn(call, 1, "I will look that up.", speaker=Speaker.SUPERVISOR, started_at=long_ago).save()

    live = shown(call)

    assert (live.state, live.trouble, live.speaker_name) == ("With a supervisor", (), "Supervisor")
