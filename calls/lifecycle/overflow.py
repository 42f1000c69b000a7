"""What happens to callers whom no agent has answered within the ring time of their number."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from agents.models import Persona, PersonaVersion
from agents.voices import speech_requests
from calls.lifecycle import enqueue, services
from calls.models import Call, PhoneNumber
from calls.models.phone_number import Overflow
from calls.states import EndReason, Status

log = structlog.get_logger(__name__)


@transaction.atomic
def overflow_due() -> int:
    """Apply their number's overflow action to callers whose ring time is over; return how many. Called by the sweep."""
    due = Call.objects.waiting().filter(answered_at=None, rings_until__lt=Now())
    locked = due.select_for_update(skip_locked=True, of=["self"])
    calls = list(locked.select_related("phone_number__overflow_persona__live_version"))
    for call in calls:
        overflow(call)
    return len(calls)


def overflow(call: Call, detail: str = "") -> None:
    """Apply the number's overflow action to a call. `detail` is why no agent answered, if that is known.

    The actions are for a number that is open: a caller outside its hours hears that it is closed.

    Needs a transaction in which the call is locked, and queued.
    """
    number = call.phone_number
    if call.needs_dialing:
        _give_up(call, detail)
        return
    reason: EndReason | None = EndReason.NO_AGENT_FREE
    if number is not None and not call.overflowed and not call.after_hours:
        reason = _ACTIONS[Overflow(number.overflow)](call, number)
    if reason is not None and services.end_call(call.pk, Status.MISSED, reason, detail=detail):
        transaction.on_commit(lambda: enqueue.announce(call.pk))


def _give_up(call: Call, detail: str) -> None:
    """End an outbound call that no slot took, or whose agent was lost while it rang. Nobody is on the line."""
    if services.end_call(call.pk, Status.MISSED, EndReason.NO_AGENT_FREE, detail=detail):
        transaction.on_commit(lambda: enqueue.close_room(call.room_name))


def _message(call: Call, number: PhoneNumber) -> EndReason:
    return EndReason.NO_AGENT_FREE


def _transfer(call: Call, number: PhoneNumber) -> EndReason:
    return EndReason.TRANSFERRED if number.overflow_number else EndReason.NO_AGENT_FREE


def _another_persona(call: Call, number: PhoneNumber) -> EndReason | None:
    """Let another persona answer, beyond the number's limit, within a second ring time, if it is published.

    All personas share the slots: this helps where the number's own limit held the call back, and is a second chance
    with other words where every slot is taken.
    """
    version = number.overflow_persona.live_version if number.overflow_persona else None
    if version is None:
        return EndReason.NO_AGENT_FREE
    Call.objects.filter(pk=call.pk).update(
        persona_version=version,
        overflowed=True,
        rings_until=Now() + timedelta(seconds=number.ring_time_s),
        queued_at=Now(),
        sent_at=Now(),
    )
    services.write_event(call.pk, "overflow", persona=version)
    log.info("call_overflowed", call_id=str(call.pk), persona=str(version))
    transaction.on_commit(lambda: enqueue.send_call(call.pk))
    return None


_ACTIONS: dict[Overflow, Callable[[Call, PhoneNumber], EndReason | None]] = {
    Overflow.MESSAGE: _message,
    Overflow.PERSONA: _another_persona,
    Overflow.TRANSFER: _transfer,
}
"""Each returns the call's end reason, by which the announcer knows what to do; None if the call keeps waiting."""


@transaction.atomic
def transfer_failed(call_id: uuid.UUID, problem: str) -> None:
    """Correct the end reason of a call whose transfer was refused: its caller hears the message instead."""
    for transferred, announced in _WITHOUT_TRANSFER.items():
        begun = Call.objects.filter(pk=call_id, end_reason=transferred)
        if begun.update(end_reason=announced, end_detail=f"transfer: {problem}"[:300]):
            services.write_event(call_id, "transfer_failed", error=problem)


_WITHOUT_TRANSFER = {
    EndReason.TRANSFERRED: EndReason.NO_AGENT_FREE,
    EndReason.AFTER_HOURS_TRANSFERRED: EndReason.AFTER_HOURS,
}


def messages_of(version: PersonaVersion) -> list[str]:
    """What the voice of a version may have to say to callers whom no agent answers."""
    own = Q(persona=version.persona_id)
    busy = PhoneNumber.objects.filter(own | Q(overflow_persona=version.persona_id))
    closed = PhoneNumber.objects.filter(own | Q(after_hours_persona=version.persona_id), opening_hours__isnull=False)
    # A union without order: that of the numbers is by a column that is not in it.
    texts = busy.order_by().values_list("overflow_message", flat=True)
    return list(texts.union(closed.order_by().values_list("after_hours_message", flat=True)))


def speak_messages(number: PhoneNumber) -> None:
    """Have the number's messages spoken in advance by those who may have to say them, on commit."""
    personas = Persona.objects.filter(
        pk__in=[number.persona_id, number.overflow_persona_id, number.after_hours_persona_id]
    )
    for version_id in personas.exclude(live_version=None).values_list("live_version", flat=True):
        # Robust: what goes wrong here is logged, because the number is saved already.
        transaction.on_commit(partial(speech_requests.speak_lines, version_id), robust=True)
