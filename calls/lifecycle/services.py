"""Every write to a call. A change of state and its event are one transaction; no network call happens inside one."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce, Greatest, Least, Now
from django.utils import timezone

from agents.models import PersonaVersion
from calls.lifecycle import after_hours, elapsed, enqueue
from calls.lifecycle.after_hours import Answer
from calls.models import Call, CallEvent, PhoneNumber, Turn
from calls.states import ANNOUNCED, FINAL, Direction, EndReason, Status

log = structlog.get_logger(__name__)

RING_TIME_S = 30  # without a number, which would say for how long


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """What LiveKit says of a caller: numbers in E.164, ids of the SIP side, empty where they are not known.

    `version_id` is the persona's version that somebody talks to without calling a number.
    """

    room_name: str
    caller_identity: str
    caller_number: str
    called_number: str
    sip_call_id: str = ""
    twilio_call_sid: str = ""
    is_test: bool = False
    version_id: int | None = None


def find_number(e164: str) -> PhoneNumber | None:
    """The number of ours that was called, with what decides who answers; None when it is not known."""
    numbers = PhoneNumber.objects.select_related("persona", "opening_hours", "after_hours_persona")
    return numbers.filter(e164=e164).first()


def receive_call(incoming: IncomingCall) -> Call | None:
    """Look the called number up, and write the call as `receive_call_to` does."""
    return receive_call_to(find_number(incoming.called_number), incoming)


@transaction.atomic(savepoint=False)
def receive_call_to(number: PhoneNumber | None, incoming: IncomingCall) -> Call | None:
    """Write the call of a caller who has just joined; on commit, send it to the workers, announce why it ends, or close
    its room.

    `number` is None when the called one is not ours. Limits do not matter here: a call beyond one waits for its turn.
    None when the room has its call already.
    """
    now = elapsed.now()
    answer = _answering(number, incoming, now)
    reason = answer.reason
    call, is_new = Call.objects.get_or_create(
        room_name=incoming.room_name,
        defaults={
            "caller_identity": incoming.caller_identity,
            "caller_number": incoming.caller_number,
            "called_number": incoming.called_number,
            "sip_call_id": incoming.sip_call_id,
            "twilio_call_sid": incoming.twilio_call_sid,
            "phone_number": number,
            "persona_version_id": answer.version_id,
            "is_test": incoming.is_test,
            "after_hours": bool(answer.after_hours),
            "status": Status.REJECTED if reason else Status.QUEUED,
            "end_reason": reason or "",
            "created_at": now,
            "queued_at": now,
            "sent_at": now,
            "rings_until": now + timedelta(seconds=number.ring_time_s if number else RING_TIME_S),
            "ended_at": now if reason else None,
        },
    )
    if not is_new:
        return None
    write_event(call.pk, call.status, reason=call.end_reason, after_hours=answer.after_hours)
    if reason is None:
        transaction.on_commit(lambda: enqueue.send_call(call.pk))
    elif reason in ANNOUNCED:
        transaction.on_commit(lambda: enqueue.announce(call.pk))
    else:
        transaction.on_commit(lambda: enqueue.close_room(call.room_name))
    log.info("call_received", call_id=str(call.pk), status=str(call.status), reason=str(call.end_reason))
    return call


def identify_dialed(dialed: IncomingCall) -> bool:
    """Note the ids of the SIP side for a call that was placed by its agent. False when known, or not reported."""
    placed = Call.objects.filter(room_name=dialed.room_name, direction=Direction.OUTBOUND, sip_call_id="")
    ids = {"sip_call_id": dialed.sip_call_id, "twilio_call_sid": dialed.twilio_call_sid}
    return bool(dialed.sip_call_id) and placed.update(**ids) == 1


def _answering(number: PhoneNumber | None, incoming: IncomingCall, at: datetime) -> Answer:
    """Which version of a persona answers, and why none does."""
    if incoming.version_id is not None:
        exists = PersonaVersion.objects.filter(pk=incoming.version_id).exists()
        return Answer(incoming.version_id) if exists else Answer(None, EndReason.NO_LIVE_PERSONA)
    reason = refusal(number)
    if number is None or reason is not None:
        return Answer(number.persona.live_version_id if number else None, reason)
    return after_hours.answer(number, at)


def refusal(number: PhoneNumber | None) -> EndReason | None:
    """Why this number cannot be answered; None if a persona answers it."""
    if number is None:
        return EndReason.UNKNOWN_NUMBER
    if not number.is_active:
        return EndReason.INACTIVE_NUMBER
    if number.persona.live_version_id is None:
        return EndReason.NO_LIVE_PERSONA
    return None


@transaction.atomic
def answer_call(call_id: uuid.UUID, attempt: int, at: datetime) -> bool:
    """The agent is in the room and the conversation starts or resumes: `answered_at` keeps its first value.

    `at` is by the worker's clock, which may be wrong: it was after the claim, and is not in the future.
    """
    first = Coalesce("answered_at", Greatest("claimed_at", Least(Value(at), Now())))
    if not Call.objects.move(call_id, Status.IN_PROGRESS, attempt=attempt, answered_at=first):
        return False
    write_event(call_id, Status.IN_PROGRESS, at=at, attempt=attempt)
    return True


@transaction.atomic(savepoint=False)
def end_call(
    call_id: uuid.UUID,
    status: Status,
    reason: EndReason,
    *,
    attempt: int | None = None,
    detail: str = "",
    at: datetime | None = None,
) -> bool:
    """Move a call to a final state. False when it is in one already, or when `attempt` is no longer the call's.

    `at` is by the clock of whoever ends it, which may be wrong: it was after the answer, and is not in the future.
    """
    at = at or timezone.now()
    if status not in FINAL:
        raise ValueError(f"status: {status} is not a final state")
    ended_at = Greatest("answered_at", "claimed_at", Least(Value(at), Now()))  # which pass over what is null
    if not Call.objects.move(
        call_id, status, attempt=attempt, end_reason=reason, end_detail=detail[:300], ended_at=ended_at
    ):
        return False
    write_event(call_id, status, at=at, attempt=attempt or 0, reason=reason, detail=detail)
    log.info("call_ended", call_id=str(call_id), status=str(status), reason=str(reason))
    if Call.objects.filter(pk=call_id, attempt__gt=0).exists():  # the end of any other call frees no slot
        # Robust: what goes wrong here is logged, because the call has ended already.
        transaction.on_commit(_send_next_waiting, robust=True)
    return True


@transaction.atomic
def hang_up(call_id: uuid.UUID) -> bool:
    """End a live call on request, and close its room on commit. False if it has already ended."""
    call = Call.objects.select_for_update().get(pk=call_id)
    if call.is_final:
        return False
    status = Status.MISSED if call.answered_at is None else Status.COMPLETED
    end_call(call.pk, status, EndReason.HUNG_UP)
    transaction.on_commit(lambda: enqueue.close_room(call.room_name))
    return True


def _send_next_waiting() -> None:
    """A call that a limit held back may be taken now, and its own message has been consumed: send one for it."""
    waiting = Call.objects.waiting().values_list("pk", flat=True).first()
    if waiting is not None:
        enqueue.send_call(waiting)


def end_abandoned(call: Call) -> bool:
    """End a call that no agent holds and whose caller has left: missed, or completed when they had talked."""
    if call.needs_dialing:
        return end_call(call.pk, Status.MISSED, EndReason.NO_ANSWER)
    if call.answered_at is None:
        return end_call(call.pk, Status.MISSED, EndReason.CALLER_GAVE_UP)
    return end_call(call.pk, Status.COMPLETED, EndReason.CALLER_LEFT)


@transaction.atomic
def end_without_agent(call: Call, reason: EndReason = EndReason.AGENT_LOST, detail: str = "") -> bool:
    """End a call that has no agent for good: its caller hears an apology and is disconnected."""
    ended = end_call(call.pk, Status.FAILED, reason, detail=detail)
    if ended:
        transaction.on_commit(lambda: enqueue.announce(call.pk))
    return ended


@dataclass(frozen=True, slots=True)
class History:
    """What a call's attempt has to add: turns and events of this call."""

    turns: list[Turn]
    events: list[CallEvent]


@transaction.atomic
def write_histories(histories: Mapping[tuple[uuid.UUID, int], History]) -> set[tuple[uuid.UUID, int]]:
    """Append turns and events of calls, by id and attempt, in one transaction. Returns those that were written.

    Nothing is, of a call whose attempt is an old one, or whose caller was erased meanwhile: what a worker wrote down
    before would bring the words back. What is there already is left alone, by a turn's number and an event's key: a
    writer that does not know whether its commit succeeded may write again.

    Raises OperationalError when another transaction has one of several calls: who holds rows must not wait for others,
    which may be held by somebody who waits for these, as the renewal of leases does.
    """
    calls = Call.objects.filter(pk__in={call_id for call_id, _ in histories}, erased_at=None)
    locked = calls.select_for_update(nowait=len(histories) > 1).values_list("pk", "attempt")
    found = set(locked) & histories.keys()
    Turn.objects.bulk_create((turn for one in found for turn in histories[one].turns), ignore_conflicts=True)
    CallEvent.objects.bulk_create((event for one in found for event in histories[one].events), ignore_conflicts=True)
    return found


def write_event(
    call_id: uuid.UUID, status: str, *, at: datetime | None = None, attempt: int = 0, **detail: Any
) -> None:
    """Append an event of this kind, which is also the state that the call entered if it is one."""
    CallEvent.objects.create(
        call_id=call_id,
        kind=status,
        to_status=status if status in Status else "",
        at=at or timezone.now(),
        attempt=attempt,
        detail=as_detail(**detail),
    )


def as_detail(**told: Any) -> dict[str, str]:
    """What an event keeps of what is told about it."""
    return {key: str(value) for key, value in told.items() if value}
