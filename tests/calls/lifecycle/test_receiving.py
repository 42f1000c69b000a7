"""A caller comes in: who is let through, and what is sent on commit."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoCaptureOnCommitCallbacks

from calls.lifecycle import services
from calls.lifecycle.services import IncomingCall
from calls.models import Call, PhoneNumber
from calls.states import EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import make_call, make_number, make_persona, new_room

pytestmark = pytest.mark.django_db


def incoming(called: str, room: str = "") -> IncomingCall:
    return IncomingCall(room or new_room(), "sip_+12025550123", "+12025550123", called, "SCL_1", "CA1")


def receive(call: IncomingCall) -> Call:
    received = services.receive_call(call)
    assert received is not None
    return received


def test_a_call_keeps_the_version_that_was_live_when_it_came_in() -> None:
    number = make_number()

    call = receive(incoming(number.e164))

    assert call.status == Status.QUEUED
    assert (call.phone_number, call.persona_version) == (number, number.persona.live_version)
    assert (call.caller_number, call.sip_call_id, call.twilio_call_sid) == ("+12025550123", "SCL_1", "CA1")
    assert [event.kind for event in call.events.all()] == ["queued"]


def test_a_call_is_sent_to_the_workers_only_when_it_is_committed(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages
) -> None:
    number = make_number()
    with django_capture_on_commit_callbacks(execute=True):
        call = receive(incoming(number.e164))
        assert sent == []

    assert sent == [("workers.run_call", str(call.pk))]


@pytest.mark.django_db(transaction=True)
def test_a_call_that_is_rolled_back_is_never_sent(sent: SentMessages) -> None:
    number = make_number()
    with transaction.atomic():
        services.receive_call(incoming(number.e164))
        transaction.set_rollback(True)

    assert sent == []
    assert not Call.objects.exists()


def reject_world(reason: EndReason) -> str:
    """Make a world in which a call is rejected for this reason; return the number that is called."""
    values: dict[EndReason, dict[str, Any]] = {
        EndReason.INACTIVE_NUMBER: {"is_active": False},
        EndReason.NO_LIVE_PERSONA: {"persona": make_persona(published=False)},
    }
    if reason == EndReason.UNKNOWN_NUMBER:
        return "+12025559999"
    return make_number(**values[reason]).e164


@pytest.mark.parametrize("reason", [EndReason.UNKNOWN_NUMBER, EndReason.INACTIVE_NUMBER, EndReason.NO_LIVE_PERSONA])
def test_a_call_that_cannot_be_taken_is_rejected_with_its_reason_and_hung_up(
    reason: EndReason, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages
) -> None:
    called = reject_world(reason)

    with django_capture_on_commit_callbacks(execute=True):
        call = receive(incoming(called))

    assert (call.status, call.end_reason, call.called_number) == (Status.REJECTED, reason, called)
    assert call.ended_at is not None
    assert call.events.get().detail == {"reason": reason}
    assert sent == [("calls.close_room", call.room_name)]


@override_settings(MAX_CONCURRENT_AGENTS=1)
def test_a_call_beyond_every_limit_rings_for_the_numbers_ring_time() -> None:
    number = make_number(max_calls=1, ring_time_s=12)
    make_call(Status.IN_PROGRESS, number)

    call = receive(incoming(number.e164))

    assert call.status == Status.QUEUED
    assert call.rings_until == call.created_at + timedelta(seconds=12)


def test_a_room_has_one_call() -> None:
    number, room = make_number(), new_room()
    services.receive_call(incoming(number.e164, room))

    assert services.receive_call(incoming(number.e164, room)) is None
    assert Call.objects.get(room_name=room).events.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_number_with_its_calls_cannot_be_deleted_by_mistake() -> None:
    number = make_number()
    make_call(Status.COMPLETED, number)

    with pytest.raises(Exception, match="protected foreign keys"):
        PhoneNumber.objects.get(pk=number.pk).delete()
