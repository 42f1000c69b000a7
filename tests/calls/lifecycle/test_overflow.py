"""The ring time is over: message and goodbye, another persona, or another number."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from livekit.api import ParticipantInfo
from pytest_django import DjangoCaptureOnCommitCallbacks

from agents.choices import Language
from agents.models import SpokenLine
from agents.phrases import ENGLISH, PHRASES
from agents.voices import fixed_lines, speech_requests
from calls import tasks
from calls.housekeeping import announcer, reaper
from calls.lifecycle import leases, overflow, services
from calls.livekit import rooms
from calls.models import Call, PhoneNumber
from calls.models.phone_number import Overflow
from calls.reporting.narrative import tell
from calls.states import EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import client_of, make_call, make_number, make_persona
from tests.threads import at_once

pytestmark = pytest.mark.django_db

Sweep = Callable[[], None]


@pytest.fixture
def sweep(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages) -> Sweep:
    """The sweep, with what it does on commit."""

    def work() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            tasks.sweep()

    return work


def ringing(number: PhoneNumber, until_s: float, **values: Any) -> Call:
    """A waiting call whose ring time ends in so many seconds."""
    return make_call(Status.QUEUED, number, rings_until=timezone.now() + timedelta(seconds=until_s), **values)


def test_a_caller_hears_the_message_when_the_ring_time_is_over(sweep: Sweep, sent: SentMessages) -> None:
    call = ringing(make_number(), -1)

    sweep()
    sweep()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.MISSED, EndReason.NO_AGENT_FREE)
    assert [event.kind for event in call.events.all()] == ["missed"]
    assert sent == [("calls.announce", str(call.pk))]
    assert "heard that none is free, and was disconnected" in tell(call)


def test_a_caller_within_the_ring_time_keeps_waiting(sweep: Sweep, sent: SentMessages) -> None:
    call = ringing(make_number(), 5)

    sweep()

    call.refresh_from_db()
    assert call.status == Status.QUEUED
    assert sent == []


def test_a_call_that_lost_its_agent_in_mid_call_does_not_overflow(sweep: Sweep) -> None:
    call = ringing(make_number(), -60, answered_at=timezone.now(), attempt=1)

    sweep()

    call.refresh_from_db()
    assert call.status == Status.QUEUED


@pytest.mark.parametrize("status", [Status.CONNECTING, Status.IN_PROGRESS])
def test_a_call_that_a_slot_holds_does_not_overflow(status: Status, sweep: Sweep) -> None:
    call = make_call(status, rings_until=timezone.now() - timedelta(seconds=9), lease_expires_at=timezone.now())

    sweep()

    call.refresh_from_db()
    assert call.status == status


def test_another_persona_gets_a_second_ring_time_and_then_the_message_comes(sweep: Sweep, sent: SentMessages) -> None:
    other = make_persona()
    number = make_number(ring_time_s=20, overflow=Overflow.PERSONA, overflow_persona=other)
    call = ringing(number, -1)

    sweep()

    call.refresh_from_db()
    assert (call.status, call.persona_version, call.overflowed) == (Status.QUEUED, other.live_version, True)
    assert call.rings_until is not None
    assert call.rings_until - timezone.now() > timedelta(seconds=15)
    assert sent == [("workers.run_call", str(call.pk))]
    assert call.events.get().detail == {"persona": str(other.live_version)}

    Call.objects.filter(pk=call.pk).update(rings_until=timezone.now() - timedelta(seconds=1))
    sweep()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.MISSED, EndReason.NO_AGENT_FREE)
    assert sent.to("calls.announce") == [str(call.pk)]


def test_the_other_persona_answers_beyond_the_numbers_limit(sweep: Sweep) -> None:
    other = make_persona()
    number = make_number(max_calls=1, overflow=Overflow.PERSONA, overflow_persona=other)
    make_call(Status.IN_PROGRESS, number)
    call = ringing(number, -1)
    assert leases.claim("host:17") is None

    sweep()
    claimed = leases.claim("host:17")

    assert claimed == call
    assert claimed.persona_version == other.live_version


def test_a_transfer_ends_the_call_for_the_agents(sweep: Sweep, sent: SentMessages) -> None:
    call = ringing(make_number(overflow=Overflow.TRANSFER, overflow_number="+12025550177"), -1)

    sweep()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.MISSED, EndReason.TRANSFERRED)
    assert sent == [("calls.announce", str(call.pk))]
    assert "was transferred to +1 202 555 0177" in tell(call)


def test_a_refused_transfer_is_in_the_row() -> None:
    call = make_call(Status.MISSED, end_reason=EndReason.TRANSFERRED)

    overflow.transfer_failed(call.pk, "busy")
    overflow.transfer_failed(call.pk, "busy")

    call.refresh_from_db()
    assert (call.end_reason, call.end_detail) == (EndReason.NO_AGENT_FREE, "transfer: busy")
    assert call.events.get().kind == "transfer_failed"


@pytest.mark.django_db(transaction=True)
def test_a_call_overflows_or_is_claimed_but_never_both(sent: SentMessages) -> None:
    number = make_number(max_calls=100)
    calls = [ringing(number, -1) for _ in range(6)]

    def race(index: int) -> None:
        if index % 2:
            overflow.overflow_due()
        else:
            leases.claim(f"host:{index}")

    at_once(8, race)
    overflow.overflow_due()

    statuses = {call.pk: call.status for call in Call.objects.all()}
    missed = {str(pk) for pk, status in statuses.items() if status == Status.MISSED}
    assert set(statuses.values()) <= {Status.MISSED, Status.CONNECTING}
    assert sorted(sent.to("calls.announce")) == sorted(missed)
    assert all(call.events.count() == 1 for call in calls)


@pytest.mark.parametrize(
    ("reason", "ended_s", "identities", "closed"),
    [
        (EndReason.NO_AGENT_FREE, 30, ["announcer"], False),
        (EndReason.NO_AGENT_FREE, 61, ["announcer"], True),
        (EndReason.NO_AGENT_FREE, 15, [], False),  # the announcer is on its way
        (EndReason.NO_AGENT_FREE, 21, [], True),  # housekeeping was killed: the caller hears nothing any more
        (EndReason.CALLER_GAVE_UP, 30, [], True),
    ],
)
def test_the_reaper_closes_no_room_in_which_the_caller_is_told_why(
    reason: EndReason,
    ended_s: float,
    identities: list[str],
    closed: bool,
    monkeypatch: pytest.MonkeyPatch,
    sent: SentMessages,
) -> None:
    call = make_call(Status.MISSED, end_reason=reason, ended_at=timezone.now() - timedelta(seconds=ended_s))

    async def occupied(_prefix: str) -> reaper.Rooms:
        return {call.room_name: [ParticipantInfo(identity=identity) for identity in identities]}

    monkeypatch.setattr(rooms, "occupied", occupied)

    reaper.reap()

    assert sent.to("calls.close_room") == ([call.room_name] if closed else [])


def test_a_call_that_loses_its_agent_for_good_ends_with_an_apology(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages
) -> None:
    call = make_call(Status.IN_PROGRESS)

    with django_capture_on_commit_callbacks(execute=True):
        services.end_without_agent(call)

    assert sent == [("calls.announce", str(call.pk))]


@pytest.mark.parametrize(
    ("language", "goodbye"),
    [(Language.ENGLISH_US, ENGLISH.goodbye), (Language.GERMAN, PHRASES[Language.GERMAN].goodbye)],
)
def test_what_is_said_depends_on_why_the_call_ended_and_on_the_personas_language(
    language: Language, goodbye: str
) -> None:
    persona = make_persona(language=language, stt_model="flux-general-multi")
    assert persona.live_version is not None
    number = make_number(persona=persona, overflow_message="Sorry, we are all busy.")
    lost = make_call(Status.FAILED, number, end_reason=EndReason.AGENT_LOST)
    missed = make_call(Status.MISSED, number, end_reason=EndReason.NO_AGENT_FREE)

    said = [announcer.text_for(call, persona.live_version) for call in (lost, missed)]

    assert said == [goodbye, "Sorry, we are all busy."]


def test_both_personas_of_a_number_say_its_message_in_advance() -> None:
    first, other, stranger = make_persona(), make_persona(), make_persona()
    make_number(persona=first, overflow_persona=other, overflow_message="We are all busy.")

    prepared = [
        persona
        for persona in (first, other, stranger)
        if persona.live_version and "We are all busy." in fixed_lines.missing_texts(persona.live_version)
    ]

    assert prepared == [first, other]


def test_a_message_is_kept_while_a_number_may_need_it() -> None:
    number = make_number(overflow_message="We are all busy.")
    version = number.persona.live_version
    assert version is not None
    SpokenLine.objects.create(**fixed_lines.voice_of(version), text="We are all busy.", pcm=b"\0\0", words=[])

    assert fixed_lines.forget_unused() == 0
    PhoneNumber.objects.update(overflow_message="Please call again.")
    assert fixed_lines.forget_unused() == 1


def test_saving_a_number_has_its_message_spoken_in_advance(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(speech_requests, "speak_lines", asked.append)
    persona = make_persona()
    form = _form(persona=persona.pk)

    with django_capture_on_commit_callbacks(execute=True):
        client_of("Supervisors").post("/admin/calls/phonenumber/add/", form)

    assert PhoneNumber.objects.get().overflow_message == form["overflow_message"]
    assert asked == [persona.live_version_id]


def _form(**values: Any) -> dict[str, Any]:
    defaults = {"e164": "+12025550100", "is_active": "on", "max_calls": 10, "ring_time_s": 30, "overflow": "message"}
    closed = {"after_hours": "message", "after_hours_message": "We are closed. Goodbye."}
    return {**defaults, "overflow_message": "We are all busy. Goodbye.", **closed, **values}


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"overflow": "persona"}, "overflow_persona", "Choose the persona that answers after the ring time"),
        ({"overflow": "persona", "overflow_persona": "own"}, "overflow_persona", "Choose a different persona from"),
        ({"overflow": "persona", "overflow_persona": "draft"}, "overflow_persona", "Publish Draft first"),
        ({"overflow": "transfer"}, "overflow_number", "Write the number to transfer to"),
        ({"overflow": "transfer", "overflow_number": "+1 202 555 0100"}, "overflow_number", "would come back"),
        ({"overflow_number": "555"}, "overflow_number", "Write the number with its country code"),
        ({"ring_time_s": 4}, "ring_time_s", "At least 5 seconds"),
        ({"ring_time_s": 121}, "ring_time_s", "At most 120 seconds"),
        ({"overflow_message": ""}, "overflow_message", ""),
    ],
)
def test_a_mistake_in_the_overflow_names_field_and_cure(values: dict[str, Any], field: str, message: str) -> None:
    personas = {"own": make_persona("Own"), "draft": make_persona("Draft", published=False)}
    chosen = {**values, "overflow_persona": personas.get(values.get("overflow_persona", ""))}
    number = PhoneNumber(e164="+12025550100", persona=personas["own"], **chosen)

    with pytest.raises(ValidationError) as error:
        number.full_clean()

    assert list(error.value.message_dict) == [field]
    assert message in error.value.message_dict[field][0]


def test_the_form_shows_a_mistake_at_its_field() -> None:
    page = client_of("Supervisors").post(
        "/admin/calls/phonenumber/add/", _form(persona=make_persona().pk, overflow="transfer", overflow_message="")
    )
    text = page.content.decode()
    assert "Write the number to transfer to" in text
    assert "Write what a caller hears when no agent can answer." in text
