"""The number is closed: a message, another persona, or another number, decided when the call comes in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from agents.models import Persona
from agents.voices import fixed_lines
from calls import tasks
from calls.housekeeping import announcer
from calls.lifecycle import elapsed, leases, overflow, services
from calls.lifecycle.services import IncomingCall
from calls.models import Call, Heartbeat, Holiday, PhoneNumber
from calls.models.heartbeat import SWEEP
from calls.models.phone_number import AfterHours, Overflow
from calls.reporting.narrative import tell
from calls.states import EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import ALWAYS, make_call, make_hours, make_number, make_persona, new_room

pytestmark = pytest.mark.django_db

CLOSED = "We are closed. Goodbye."
Receive = Callable[[PhoneNumber], Call]


@pytest.fixture
def receive(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages) -> Receive:
    """Have somebody call the number, with what happens on commit; returns the row as others read it."""

    def work(number: PhoneNumber) -> Call:
        incoming = IncomingCall(new_room(), "sip_+12025550123", "+12025550123", number.e164)
        with django_capture_on_commit_callbacks(execute=True):
            received = services.receive_call(incoming)
        assert received is not None
        return Call.objects.select_related("phone_number", "persona_version__persona").get(pk=received.pk)

    return work


def closed_number(**values: Any) -> PhoneNumber:
    return make_number(**{"opening_hours": make_hours(), "after_hours_message": CLOSED, **values})


def live(persona: Persona) -> int:
    assert persona.live_version_id is not None
    return persona.live_version_id


def test_a_number_without_opening_hours_is_always_open(receive: Receive) -> None:
    call = receive(make_number(after_hours=AfterHours.MESSAGE))

    assert (call.status, call.after_hours) == (Status.QUEUED, False)


def test_an_open_number_is_answered_by_its_own_persona(receive: Receive, sent: SentMessages) -> None:
    number = closed_number(
        opening_hours=make_hours("", *ALWAYS), after_hours=AfterHours.PERSONA, after_hours_persona=make_persona()
    )

    call = receive(number)

    assert (call.status, call.after_hours, call.persona_version_id) == (Status.QUEUED, False, live(number.persona))
    assert call.events.get().detail == {}
    assert sent == [("workers.run_call", str(call.pk))]


def test_a_caller_outside_the_hours_hears_the_message_and_takes_no_slot(receive: Receive, sent: SentMessages) -> None:
    number = closed_number(ring_time_s=30)

    call = receive(number)

    assert (call.status, call.end_reason, call.after_hours) == (Status.REJECTED, EndReason.AFTER_HOURS, True)
    assert call.ended_at == call.created_at
    assert sent == [("calls.announce", str(call.pk))]
    assert call.persona_version is not None
    assert announcer.text_for(call, call.persona_version) == CLOSED
    assert call.events.get().detail == {"reason": "after_hours", "after_hours": "message"}
    assert ", outside its opening hours, on " in tell(call)
    assert tell(call).endswith(", heard the message, and was disconnected.")


def test_another_persona_answers_outside_the_hours(receive: Receive, sent: SentMessages) -> None:
    night = make_persona("Nora")
    number = closed_number(after_hours=AfterHours.PERSONA, after_hours_persona=night)

    call = receive(number)

    assert (call.status, call.after_hours, call.persona_version_id) == (Status.QUEUED, True, live(night))
    assert sent == [("workers.run_call", str(call.pk))]
    assert call.events.get().detail == {"after_hours": "persona"}
    assert ", outside its opening hours, on " in tell(call)


def test_a_caller_outside_the_hours_is_transferred(receive: Receive, sent: SentMessages) -> None:
    number = closed_number(
        after_hours=AfterHours.TRANSFER, after_hours_number="+12025550177", overflow_number="+12025550188"
    )

    call = receive(number)

    assert (call.status, call.end_reason) == (Status.REJECTED, EndReason.AFTER_HOURS_TRANSFERRED)
    assert sent == [("calls.announce", str(call.pk))]
    assert announcer._transfer_number(call) == "+12025550177"
    assert tell(call).endswith(" and was transferred to +1 202 555 0177.")


def test_a_refused_transfer_is_in_the_row_and_the_caller_hears_the_message(receive: Receive) -> None:
    call = receive(closed_number(after_hours=AfterHours.TRANSFER, after_hours_number="+12025550177"))

    overflow.transfer_failed(call.pk, "busy")
    overflow.transfer_failed(call.pk, "busy")

    call.refresh_from_db()
    assert (call.status, call.end_reason, call.end_detail) == (
        Status.REJECTED,
        EndReason.AFTER_HOURS,
        "transfer: busy",
    )
    assert [event.kind for event in call.events.all()] == ["rejected", "transfer_failed"]
    assert call.persona_version is not None
    assert announcer.text_for(call, call.persona_version) == CLOSED


@pytest.mark.parametrize("action", [AfterHours.PERSONA, AfterHours.TRANSFER])
def test_an_action_that_lacks_what_it_needs_becomes_the_message(action: AfterHours, receive: Receive) -> None:
    unpublished = make_persona(published=False)

    call = receive(closed_number(after_hours=action, after_hours_persona=unpublished))

    assert (call.status, call.end_reason) == (Status.REJECTED, EndReason.AFTER_HOURS)


def test_an_inactive_number_is_rejected_whatever_its_hours(receive: Receive, sent: SentMessages) -> None:
    call = receive(closed_number(is_active=False))

    assert (call.end_reason, call.after_hours) == (EndReason.INACTIVE_NUMBER, False)
    assert sent == [("calls.close_room", call.room_name)]


def test_the_hours_are_those_of_their_time_zone_by_the_databases_clock(
    receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = make_hours("", (1, "09:00", "17:00"), time_zone="America/New_York")
    number = closed_number(opening_hours=hours)
    received = []

    for clock in ("13:59", "14:00", "21:59", "22:00"):
        at = datetime.fromisoformat(f"2026-12-01 {clock}+00:00")
        monkeypatch.setattr(elapsed, "now", lambda at=at: at)
        received.append(receive(number).status)

    assert received == [Status.REJECTED, Status.QUEUED, Status.QUEUED, Status.REJECTED]


def test_a_holiday_closes_a_number_that_is_open_around_the_clock(receive: Receive) -> None:
    hours = make_hours("", *ALWAYS)
    number = closed_number(opening_hours=hours)
    today = timezone.now().date()
    Holiday.objects.create(hours=hours, name="Christmas", first_day=today, last_day=today + timedelta(days=1))

    assert receive(number).end_reason == EndReason.AFTER_HOURS


def test_numbers_share_their_hours(receive: Receive) -> None:
    hours = make_hours()

    assert {receive(closed_number(opening_hours=hours)).after_hours for _ in range(2)} == {True}


def test_a_call_that_loses_its_worker_stays_with_the_persona_that_took_it(
    receive: Receive, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    night = make_persona()
    number = closed_number(after_hours=AfterHours.PERSONA, after_hours_persona=night)
    call = receive(number)
    assert leases.claim("host:1") == call
    PhoneNumber.objects.update(opening_hours=None)  # the number opens meanwhile
    Call.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    Heartbeat.objects.create(holder=SWEEP, beating_since=timezone.now() - timedelta(minutes=1), seen_at=timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()
    resumed = leases.claim("host:2")

    assert resumed == call
    assert (resumed.attempt, resumed.after_hours, resumed.persona_version_id) == (2, True, live(night))


@pytest.mark.parametrize("action", Overflow)
def test_a_caller_outside_the_hours_whom_no_agent_answers_hears_that_the_number_is_closed(
    action: Overflow, sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    night = make_persona()
    number = closed_number(
        **{"after_hours": AfterHours.PERSONA, "after_hours_persona": night, "overflow": action},
        **{"overflow_persona": make_persona(), "overflow_number": "+12025550188"},
    )
    call = make_call(
        Status.QUEUED,
        number,
        after_hours=True,
        persona_version=night.live_version,
        rings_until=timezone.now() - timedelta(seconds=1),
    )

    with django_capture_on_commit_callbacks(execute=True):
        overflow.overflow_due()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.MISSED, EndReason.NO_AGENT_FREE)
    assert sent == [("calls.announce", str(call.pk))]
    assert call.persona_version is not None
    assert announcer.text_for(call, call.persona_version) == CLOSED
    assert "for an agent, heard that the number is closed, and was disconnected" in tell(call)


def test_the_voices_that_may_have_to_say_it_say_the_message_in_advance() -> None:
    own, night, stranger = make_persona(), make_persona(), make_persona()
    closed_number(persona=own, after_hours_persona=night)

    prepared = [
        persona
        for persona in (own, night, stranger)
        if persona.live_version and CLOSED in fixed_lines.missing_texts(persona.live_version)
    ]

    assert prepared == [own, night]


def test_the_message_of_a_number_that_never_closes_is_not_spoken() -> None:
    version = make_number(after_hours_message=CLOSED).persona.live_version
    assert version is not None

    assert CLOSED not in fixed_lines.missing_texts(version)


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        (
            {"after_hours": "persona"},
            "after_hours_persona",
            "Choose the persona that answers when the number is closed",
        ),
        ({"after_hours": "persona", "after_hours_persona": "own"}, "after_hours_persona", "Choose a different persona"),
        ({"after_hours": "persona", "after_hours_persona": "draft"}, "after_hours_persona", "Publish Draft first"),
        ({"after_hours": "transfer"}, "after_hours_number", "Write the number to transfer to"),
        ({"after_hours": "transfer", "after_hours_number": "+12025550100"}, "after_hours_number", "would come back"),
        (
            {"after_hours": "transfer", "after_hours_number": "+442079460018"},
            "after_hours_number",
            "OUTBOUND_COUNTRIES",
        ),
        ({"after_hours": "transfer", "after_hours_number": "+19005550199"}, "after_hours_number", "premium-rate"),
        ({"after_hours_number": "555"}, "after_hours_number", "Write the number with its country code"),
        ({"after_hours_message": ""}, "after_hours_message", ""),
    ],
)
def test_a_mistake_names_field_and_cure(values: dict[str, Any], field: str, message: str) -> None:
    personas = {"own": make_persona("Own"), "draft": make_persona("Draft", published=False)}
    chosen = {**values, "after_hours_persona": personas.get(values.get("after_hours_persona", ""))}
    number = PhoneNumber(e164="+12025550100", persona=personas["own"], **chosen)

    with pytest.raises(ValidationError) as error:
        number.full_clean()

    assert list(error.value.message_dict) == [field]
    assert message in error.value.message_dict[field][0]
