"""What LiveKit's events mean for calls, in any order and any number of times."""

from typing import Any

import pytest
from django.utils import timezone

from calls.lifecycle import leases, services
from calls.models import Call, WebhookEvent
from calls.states import EndReason, Status
from tests.calls.conftest import Deliver, SentMessages
from tests.factories import (
    WebhookRequest,
    caller,
    make_call,
    make_number,
    make_persona,
    new_room,
    signed,
    webhook_event,
    webhook_request,
)
from tests.threads import at_once

CALLED = "+12025550100"


def joined(room: str, participant: dict[str, Any] | None = None) -> WebhookRequest:
    return webhook_request("participant_joined", room, participant or caller(CALLED))


def left(room: str, participant: dict[str, Any] | None = None) -> WebhookRequest:
    return webhook_request("participant_left", room, participant or caller(CALLED))


def finished(room: str) -> WebhookRequest:
    return webhook_request("room_finished", room)


def reconnected(room: str) -> WebhookRequest:
    """What LiveKit sends of the old connection of a caller whose side has joined again."""
    return left(room, caller(CALLED, disconnectReason="DUPLICATE_IDENTITY"))


@pytest.mark.django_db
class TestACallersConnectionBreaks:
    @pytest.mark.parametrize("reason", ["STATE_MISMATCH", "CONNECTION_TIMEOUT", "SIGNAL_CLOSE", "MEDIA_FAILURE"])
    def test_one_who_rings_is_waited_for_until_the_room_is_closed(self, deliver: Deliver, reason: str) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(joined(room))

        assert deliver(left(room, caller(CALLED, disconnectReason=reason))) == (200, {"outcome": leases.LOST})

        call = Call.objects.get(room_name=room)
        assert call.status == Status.QUEUED
        assert not leases.has_left(call)
        assert not leases.hung_up(call)
        deliver(finished(room))
        call.refresh_from_db()
        assert (call.status, call.end_reason) == (Status.MISSED, EndReason.CALLER_GAVE_UP)

    def test_the_conversation_of_one_who_never_came_back_has_failed(self, deliver: Deliver) -> None:
        call = make_call(Status.IN_PROGRESS, make_number(CALLED))
        gone = {"identity": call.caller_identity, "kind": "SIP", "disconnectReason": "CONNECTION_TIMEOUT"}

        deliver(left(call.room_name, gone))
        deliver(finished(call.room_name))

        call.refresh_from_db()
        assert (call.status, call.end_reason) == (Status.FAILED, EndReason.ROOM_GONE)


@pytest.mark.django_db
class TestACallersSideConnectsAgain:
    def test_a_caller_who_rings_keeps_ringing(self, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(joined(room))

        assert deliver(reconnected(room)) == (200, {"outcome": "reconnected"})

        assert Call.objects.get(room_name=room).status == Status.QUEUED

    def test_a_caller_who_then_loses_the_agent_is_left_to_another(self, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(joined(room))
        Call.objects.filter(room_name=room).update(
            status=Status.IN_PROGRESS, attempt=1, answered_at=timezone.now(), lease_holder="host:1"
        )
        deliver(reconnected(room))

        assert leases.give_up(Call.objects.get(room_name=room).pk, 1)

        assert Call.objects.get(room_name=room).status == Status.QUEUED


@pytest.mark.django_db
class TestACallerJoins:
    def test_the_call_is_written_and_sent_to_the_workers(self, deliver: Deliver, sent: SentMessages) -> None:
        number, room = make_number(CALLED), new_room()

        assert deliver(joined(room)) == (200, {"outcome": "call queued"})

        call = Call.objects.get(room_name=room)
        assert (call.status, call.phone_number, call.called_number) == (Status.QUEUED, number, CALLED)
        assert (call.caller_number, call.caller_identity) == ("+12025550123", "sip_+12025550123")
        assert call.sip_call_id == "SCL_kNaRzLxT4mpQ"
        assert call.twilio_call_sid == "CA0123456789abcdef0123456789abcdef"
        assert sent == [("workers.run_call", str(call.pk))]

    def test_the_event_is_kept_with_what_it_caused(self, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()

        deliver(webhook_request("participant_joined", room, caller(CALLED), event_id="EV_1", createdAt="1795354209"))

        event = WebhookEvent.objects.get()
        assert (event.event_id, event.kind, event.room_name) == ("EV_1", "participant_joined", room)
        assert (event.participant, event.outcome) == ("sip_+12025550123", "call queued")
        assert event.sent_at.isoformat() == "2026-11-22T13:30:09+00:00"

    @pytest.mark.parametrize("number", ["anonymous", "", "Restricted", "266696687", "sip:" + "x" * 100])
    def test_a_caller_without_a_number_is_taken_all_the_same(self, number: str, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()

        deliver(joined(room, caller(CALLED, number)))

        call = Call.objects.get(room_name=room)
        assert (call.status, call.caller_number) == (Status.QUEUED, number[:32])

    @pytest.mark.parametrize("number", ["0301234567", "0049301234567", "+49 30 1234567"])
    def test_a_callers_number_is_read_as_one_dials_it_in_the_country_of_the_called_one(
        self, number: str, deliver: Deliver
    ) -> None:
        make_number("+4930987654")
        room = new_room()

        deliver(joined(room, caller("+4930987654", number)))

        assert Call.objects.get(room_name=room).caller_number == "+49301234567"

    @pytest.mark.parametrize(
        ("participant", "is_call"),
        [
            ({"kind": "SIP"}, True),
            ({"kind": "STANDARD"}, True),
            ({"kind": "SIP", "attributes": {}}, True),
            ({"kind": "AGENT", "identity": "agent-1", "attributes": {}}, False),
            ({"kind": "STANDARD", "identity": "supervisor", "attributes": {}}, False),
            ({"kind": "EGRESS", "identity": "EG_1", "attributes": {}}, False),
        ],
    )
    def test_a_caller_is_of_kind_sip_or_has_its_attributes(
        self, participant: dict[str, Any], is_call: bool, deliver: Deliver
    ) -> None:
        make_number(CALLED)
        room = new_room()

        deliver(joined(room, {**caller(CALLED), **participant}))

        assert Call.objects.filter(room_name=room).exists() is is_call

    @pytest.mark.parametrize("room", ["", "lobby", "recall-1", "CALL-1"])
    def test_rooms_that_are_not_calls_are_ignored(self, room: str, deliver: Deliver) -> None:
        make_number(CALLED)
        event = {**webhook_event("participant_joined", participant=caller(CALLED)), "room": {"name": room}}

        status, answer = deliver(signed(event))

        assert (status, answer) == (200, {"outcome": "ignored"})
        assert not Call.objects.exists()
        assert not WebhookEvent.objects.exists()

    @pytest.mark.parametrize("kind", ["track_published", "track_unpublished", "egress_started", "made_up"])
    def test_kinds_of_events_that_say_nothing_about_a_call_are_ignored(self, kind: str, deliver: Deliver) -> None:
        assert deliver(webhook_request(kind, new_room(), caller(CALLED))) == (200, {"outcome": "ignored"})

    @pytest.mark.parametrize(
        ("reason", "values"),
        [
            (EndReason.UNKNOWN_NUMBER, None),
            (EndReason.INACTIVE_NUMBER, {"is_active": False}),
            (EndReason.NO_LIVE_PERSONA, {}),
        ],
    )
    def test_a_call_that_cannot_be_taken_is_rejected_and_its_room_closed(
        self, reason: EndReason, values: dict[str, Any] | None, deliver: Deliver, sent: SentMessages
    ) -> None:
        if values is not None:
            published = reason != EndReason.NO_LIVE_PERSONA
            make_number(CALLED, make_persona(published=published), **values)
        room = new_room()

        assert deliver(joined(room)) == (200, {"outcome": "call rejected"})

        call = Call.objects.get(room_name=room)
        assert (call.status, call.end_reason) == (Status.REJECTED, reason)
        assert sent == [("calls.close_room", room)]


@pytest.mark.django_db
class TestRepetition:
    def test_a_webhook_that_is_replayed_ten_times_makes_one_call(self, deliver: Deliver, sent: SentMessages) -> None:
        make_number(CALLED)
        request = joined(new_room())

        outcomes = [deliver(request) for _ in range(10)]

        assert outcomes == [(200, {"outcome": "call queued"})] + [(200, {"outcome": "duplicate"})] * 9
        assert Call.objects.count() == WebhookEvent.objects.count() == len(sent) == 1

    def test_a_second_event_of_the_same_caller_makes_no_second_call(self, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(joined(room))

        assert deliver(joined(room))[1] == {"outcome": "call exists"}
        assert Call.objects.count() == 1

    def test_a_rejected_call_is_hung_up_once(self, deliver: Deliver, sent: SentMessages) -> None:
        request = joined(new_room())
        for _ in range(3):
            deliver(request)

        assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_five_copies_at_once_make_one_call(self, sent: SentMessages) -> None:
        make_number(CALLED)
        request = joined(new_room())

        statuses = at_once(5, lambda _: request.post().status_code)

        assert statuses == [200] * 5
        assert Call.objects.count() == WebhookEvent.objects.count() == len(sent) == 1

    def test_five_different_events_of_one_caller_at_once_make_one_call(self, sent: SentMessages) -> None:
        make_number(CALLED)
        room = new_room()
        requests = [joined(room) for _ in range(5)]

        statuses = at_once(5, lambda index: requests[index].post().status_code)

        assert statuses == [200] * 5
        assert (Call.objects.count(), WebhookEvent.objects.count(), len(sent)) == (1, 5, 1)

    def test_joined_and_left_at_once_end_in_a_missed_call(self, sent: SentMessages) -> None:
        make_number(CALLED)
        for _ in range(5):
            room = new_room()
            requests = [joined(room), left(room), finished(room)]

            at_once(3, lambda index, requests=requests: requests[index].post().status_code)  # type: ignore[misc]

            assert Call.objects.get(room_name=room).status == Status.MISSED


@pytest.mark.django_db
class TestACallerLeaves:
    @pytest.mark.parametrize("farewell", [left, finished])
    def test_before_an_agent_came_the_call_is_missed(self, farewell: Any, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(joined(room))

        assert deliver(farewell(room))[1] == {"outcome": "call ended"}

        call = Call.objects.get(room_name=room)
        assert (call.status, call.end_reason) == (Status.MISSED, EndReason.CALLER_GAVE_UP)

    @pytest.mark.parametrize("farewell", [left, finished])
    def test_events_in_the_wrong_order_end_in_a_missed_call(self, farewell: Any, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(farewell(room))

        assert deliver(joined(room))[1] == {"outcome": "caller had left"}
        assert Call.objects.get(room_name=room).status == Status.MISSED

    def test_a_worker_cannot_claim_a_call_whose_caller_had_left(self, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(left(room))
        deliver(joined(room))

        assert leases.claim("host:1") is None

    def test_a_rejected_call_stays_rejected_when_its_events_are_reordered(self, deliver: Deliver) -> None:
        room = new_room()
        deliver(left(room))
        deliver(joined(room))

        assert Call.objects.get(room_name=room).status == Status.REJECTED

    def test_while_the_agent_is_joining_the_call_is_missed(self, deliver: Deliver) -> None:
        call = make_call(Status.CONNECTING, caller_identity="sip_+12025550123")

        assert deliver(left(call.room_name))[1] == {"outcome": "call ended"}
        assert not services.answer_call(call.pk, call.attempt, timezone.now())

    def test_one_who_gives_up_while_others_wait_frees_nothing_for_them(
        self, deliver: Deliver, sent: SentMessages
    ) -> None:
        number = make_number(CALLED)
        make_call(Status.QUEUED, number)
        room = new_room()
        deliver(joined(room))
        sent.clear()

        deliver(left(room))

        assert sent == []

    def test_one_who_gives_up_while_the_agent_is_joining_frees_its_slot_for_the_next(
        self, deliver: Deliver, sent: SentMessages
    ) -> None:
        waiting = make_call(Status.QUEUED)
        call = make_call(Status.CONNECTING, caller_identity="sip_+12025550123")

        deliver(left(call.room_name))

        assert sent == [("workers.run_call", str(waiting.pk))]

    def test_a_conversation_is_ended_by_its_worker(self, deliver: Deliver) -> None:
        call = make_call(Status.IN_PROGRESS, caller_identity="sip_+12025550123")

        assert deliver(left(call.room_name))[1] == {"outcome": "caller hung up"}

        call.refresh_from_db()
        assert call.status == Status.IN_PROGRESS

    def test_somebody_else_who_leaves_does_not_end_a_waiting_call(self, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(joined(room))

        for other in (caller(CALLED, "+12025550177"), {"identity": "agent-1", "kind": "AGENT"}):
            deliver(left(room, other))

        assert Call.objects.get(room_name=room).status == Status.QUEUED

    def test_somebody_else_who_had_left_does_not_end_the_call_of_a_new_caller(self, deliver: Deliver) -> None:
        make_number(CALLED)
        room = new_room()
        deliver(left(room, {"identity": "supervisor", "kind": "STANDARD"}))

        assert deliver(joined(room))[1] == {"outcome": "call queued"}


@pytest.mark.django_db
class TestARoomEnds:
    def test_a_conversation_that_nobody_ended_is_failed(self, deliver: Deliver) -> None:
        call = make_call(Status.IN_PROGRESS)

        assert deliver(finished(call.room_name))[1] == {"outcome": "call ended"}

        call.refresh_from_db()
        assert (call.status, call.end_reason) == (Status.FAILED, EndReason.ROOM_GONE)

    @pytest.mark.parametrize(
        ("left_because", "end"),
        [
            ("CLIENT_INITIATED", (Status.COMPLETED, EndReason.CALLER_LEFT)),
            ("ROOM_DELETED", (Status.FAILED, EndReason.ROOM_GONE)),
        ],
    )
    def test_a_conversation_that_its_caller_ended_is_completed_although_its_worker_is_slow_to_say_so(
        self, left_because: str, end: tuple[Status, EndReason], deliver: Deliver
    ) -> None:
        call = make_call(Status.IN_PROGRESS, caller_identity="sip_+12025550123")
        deliver(left(call.room_name, caller(CALLED) | {"disconnectReason": left_because}))

        assert deliver(finished(call.room_name))[1] == {"outcome": "call ended"}

        call.refresh_from_db()
        assert (call.status, call.end_reason) == end

    def test_somebody_else_who_left_did_not_end_the_conversation(self, deliver: Deliver) -> None:
        call = make_call(Status.IN_PROGRESS, caller_identity="sip_+12025550123")
        deliver(left(call.room_name, caller(CALLED, "+12025550177") | {"disconnectReason": "CLIENT_INITIATED"}))

        deliver(finished(call.room_name))

        call.refresh_from_db()
        assert call.end_reason == EndReason.ROOM_GONE

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.MISSED, Status.REJECTED])
    def test_a_call_that_is_over_stays_as_it_is(self, status: Status, deliver: Deliver) -> None:
        call = make_call(status)
        reason = call.end_reason

        assert deliver(finished(call.room_name))[1] == {"outcome": "noted"}

        call.refresh_from_db()
        assert (call.status, call.end_reason) == (status, reason)

    def test_a_room_whose_caller_was_never_announced_makes_no_call(self, deliver: Deliver) -> None:
        room = new_room()

        outcomes = [
            deliver(request)[1]["outcome"] for request in (webhook_request("room_started", room), finished(room))
        ]

        assert outcomes == ["noted", "noted"]
        assert not Call.objects.exists()
