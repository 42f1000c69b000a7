"""Rows that are written once, whoever writes them, and however often."""

import pytest
from django.db import DataError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from calls.models import Call, CallEvent, WebhookEvent
from common.inserting import insert_once
from tests.factories import make_event, make_number, new_room
from tests.threads import at_once


def event(event_id: str = "EV_1", **values: str) -> WebhookEvent:
    return WebhookEvent(event_id=event_id, kind="room_started", sent_at=timezone.now(), **values)


def waiting(room_name: str) -> Call:
    number = make_number()
    return Call(room_name=room_name, phone_number=number, persona_version=number.persona.live_version)


@pytest.mark.django_db
def test_a_row_is_written_with_every_value_in_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    row = event(room_name="call-1", participant="100% 'sip' \\ é", outcome="noted")

    with django_assert_num_queries(1):
        assert insert_once(row)

    [stored] = WebhookEvent.objects.values(*("event_id", "room_name", "participant", "sent_at", "received_at"))
    assert stored == {name: getattr(row, name) for name in stored}


@pytest.mark.django_db
def test_a_row_that_is_there_stays_as_it_is_and_the_transaction_goes_on() -> None:
    insert_once(event(outcome="first"))

    with transaction.atomic():
        assert not insert_once(event(outcome="second"))
        assert insert_once(event("EV_2"))

    assert set(WebhookEvent.objects.values_list("event_id", "outcome")) == {("EV_1", "first"), ("EV_2", "")}


@pytest.mark.django_db
def test_what_follows_a_row_is_written_with_it_or_not_at_all(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    room = new_room()
    calls = [waiting(room) for _ in range(2)]

    with django_assert_num_queries(2):
        written = [insert_once(call, followed_by=make_event(call, detail={"a": "b"}, attempt=3)) for call in calls]

    assert written == [True, False]
    [stored] = CallEvent.objects.select_related("call")
    assert (stored.call.pk, stored.call.room_name) == (calls[0].pk, room)
    assert (stored.kind, stored.attempt, stored.detail) == ("tool_called", 3, {"a": "b"})


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"room_name": "x" * 200}, {"participant": "\0"}])
def test_a_value_that_does_not_fit_is_an_error(values: dict[str, str]) -> None:
    with pytest.raises(DataError):
        insert_once(event(**values))


@pytest.mark.django_db(transaction=True)
def test_of_five_who_write_the_same_row_at_once_one_writes_it() -> None:
    assert sorted(at_once(5, lambda _: insert_once(event()))) == [False] * 4 + [True]
