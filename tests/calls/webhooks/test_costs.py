"""A webhook is answered fast: few queries, no network call, and a clear answer when the database is away.

Queries are counted with those that begin and end the transaction, or the savepoint that stands for it in a test.
"""

import socket
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from calls.lifecycle import enqueue
from calls.models import Call, Holiday
from calls.states import Status
from tests.calls.conftest import SentMessages
from tests.factories import (
    ALWAYS,
    caller,
    make_call,
    make_hours,
    make_number,
    make_turns,
    new_room,
    webhook_request,
)

CALLED = "+12025550100"


@pytest.mark.django_db
def test_a_caller_who_joins_costs_a_bounded_number_of_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries, sent: SentMessages
) -> None:
    number = make_number(CALLED, max_calls=100)
    for _ in range(20):
        make_turns(make_call(number=number), "Hello.", "Hi.")
    request = webhook_request("participant_joined", new_room(), caller(CALLED))

    with django_assert_max_num_queries(14):
        assert request.post().status_code == 200


@pytest.mark.django_db
def test_opening_hours_cost_one_query_more(
    django_assert_max_num_queries: DjangoAssertNumQueries, sent: SentMessages
) -> None:
    closed = make_hours("", (0, "09:00", "09:01"), (1, "09:00", "09:01"))
    Holiday.objects.create(hours=closed, name="All year", first_day="2020-01-01", last_day="2099-12-31")
    make_number(CALLED, opening_hours=closed)
    make_number("+12025550101", opening_hours=make_hours("", *ALWAYS))

    for called, outcome in ((CALLED, "call rejected"), ("+12025550101", "call queued")):
        request = webhook_request("participant_joined", new_room(), caller(called))
        with django_assert_max_num_queries(15):
            assert request.post().json() == {"outcome": outcome}


@pytest.mark.django_db
def test_a_caller_who_gives_up_costs_a_bounded_number_of_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries, sent: SentMessages
) -> None:
    make_number(CALLED)
    room = new_room()
    webhook_request("participant_joined", room, caller(CALLED)).post()
    request = webhook_request("participant_left", room, caller(CALLED))

    with django_assert_max_num_queries(10):
        assert request.post().json() == {"outcome": "call ended"}


@pytest.mark.django_db
def test_what_is_only_written_down_and_a_duplicate_cost_a_bounded_number_of_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries, sent: SentMessages
) -> None:
    request = webhook_request("room_started")

    for outcome, queries in (("noted", 6), ("duplicate", 4)):
        with django_assert_max_num_queries(queries):
            assert request.post().json() == {"outcome": outcome}


@pytest.mark.django_db
def test_a_room_that_closes_after_its_call_costs_a_bounded_number_of_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    call = make_call(Status.COMPLETED)

    with django_assert_max_num_queries(7):
        assert webhook_request("room_finished", call.room_name).post().json() == {"outcome": "noted"}


@pytest.mark.django_db
def test_events_that_are_ignored_or_refused_never_reach_the_database(
    django_assert_num_queries: DjangoAssertNumQueries, sent: SentMessages
) -> None:
    with django_assert_num_queries(0):
        webhook_request("track_published", new_room()).post()
        webhook_request("participant_joined", "lobby", caller(CALLED)).post()
        Client().post("/webhooks/livekit", b"{}", content_type="application/webhook+json")


@pytest.mark.django_db
def test_the_only_network_call_is_the_message_on_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    make_number(CALLED)
    opened: list[object] = []

    def refuse(_: socket.socket, address: object) -> None:
        opened.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(enqueue, "send", lambda *_: opened.append("sent"))

    for kind in ("participant_joined", "participant_left", "room_finished"):
        assert webhook_request(kind, "call-1", caller(CALLED)).post().status_code == 200

    assert opened == []


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_fails_is_answered_with_503_and_nothing_is_sent(
    error: type[DatabaseError], sent: SentMessages
) -> None:
    make_number(CALLED)
    request = webhook_request("participant_joined", new_room(), caller(CALLED))

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if "INSERT INTO" in sql:
            raise error("server closed the connection unexpectedly")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail):
        response = request.post()

    assert (response.status_code, sent) == (503, [])
    assert not Call.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_a_database_the_answer_is_503_and_the_same_event_is_taken_later(sent: SentMessages) -> None:
    make_number(CALLED)
    request = webhook_request("participant_joined", new_room(), caller(CALLED))
    connection.close()
    settings, host = connection.settings_dict, connection.settings_dict["HOST"]
    pool = settings["OPTIONS"].pop("pool", None)
    try:
        settings["HOST"] = "/nowhere"
        assert request.post().status_code == 503
    finally:
        connection.close()
        settings["HOST"] = host
        settings["OPTIONS"]["pool"] = pool

    assert request.post().json() == {"outcome": "call queued"}
    assert len(sent) == 1
