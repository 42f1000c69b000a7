"""What LiveKit's events mean for calls. Right in any order, any number of times.

Events of one room are handled one after another (an advisory lock), so a caller who left while its `joined` was on the
way is seen by whichever of the two comes second. Once the room's call has been erased, nothing of it is stored.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from livekit.api import DisconnectReason, ParticipantInfo
from livekit.api import WebhookEvent as LiveKitEvent

from calls.lifecycle import leases, services
from calls.lifecycle.services import CALLED_NUMBER, CalledNumber, IncomingCall
from calls.livekit import sip_headers
from calls.livekit.rooms import ROOM_ENDED, ROOM_PREFIX
from calls.models import Call, WebhookEvent
from calls.phone import as_told, to_e164
from calls.privacy.erased_rooms import LOCK, not_erased
from calls.states import FINAL, EndReason, Status
from calls.webhooks.livekit.signature import BadBody
from common.inserting import Statement, insertion

HANDLED = frozenset({"room_started", "participant_joined", "participant_left", "room_finished"})

# In SQL, because a caller waits: Django would take longer to put these together than PostgreSQL to carry them out.
_FIELDS = ("id", "status", "direction", "caller_identity", "answered_at")  # in the order of the model, for from_db
_CALL = f"SELECT {', '.join(_FIELDS)} FROM calls_call WHERE room_name = %s"  # noqa: S608  our names
_JOINED = f"SELECT * FROM ({leases.HAS_LEFT}) AS caller LEFT JOIN ({CALLED_NUMBER}) AS number ON true"  # noqa: S608
_IS_OVER = "EXISTS (SELECT FROM calls_call WHERE room_name = %s AND status = ANY(%s))"
_CORRECT = "UPDATE calls_webhookevent SET outcome = %s WHERE event_id = %s"

type Row = tuple[Any, ...]


def handle(event: LiveKitEvent) -> str:
    """Store the event and do what follows from it. Returns the outcome, for the log and the answer.

    What is known, or is about an erased call, is a duplicate: nothing is stored, and nothing follows.
    Raises BadBody when the event's time is none, and DataError when a value does not fit its column.
    """
    if event.event not in HANDLED or not event.room.name.startswith(ROOM_PREFIX):
        return "ignored"
    consequence = _consequence(event)
    if consequence is None:
        return "noted" if _note(event) else "duplicate"
    if event.event == "room_finished" and _note_if_over(event):
        return "noted"
    with transaction.atomic():
        row = _row(event, consequence.usual)  # which saves an update; nobody sees it before the commit
        stored, known = _store_locked(row, consequence.question)
        if not stored:
            return "duplicate"
        outcome = consequence.act(event, known)
        if outcome != row.outcome:
            with connection.cursor() as cursor:
                cursor.execute(_CORRECT, [outcome, event.id])
        return outcome


def _note_if_over(event: LiveKitEvent) -> bool:
    """Write it down if the room's call has ended, as nearly always when a room closes: nothing can come of it then.

    False when it is not, or when the event is known.
    """
    return _note(event, only_if=Statement(_IS_OVER, [event.room.name, [state.value for state in FINAL]]))


def _note(event: LiveKitEvent, only_if: Statement | None = None) -> bool:
    """Write it down, in one trip to the database, which is a transaction of its own. False when nothing was written."""
    row = _row(event, "noted")
    sql, parameters = insertion(row, only_if=only_if or not_erased(row.room_name))
    with connection.cursor() as cursor:
        cursor.execute(f"{LOCK}; {sql}", [row.room_name, *parameters])
        cursor.nextset()
        return bool(cursor.rowcount == 1)


def _store_locked(row: WebhookEvent, question: Statement) -> tuple[bool, Row | None]:
    """Wait until other events of the room are done with, write this one, and ask a question that has one row at most.

    Returns whether the event was new, and the row. In one trip to the database, where each statement sees what was
    committed before it.
    """
    sql, parameters = insertion(row, only_if=not_erased(row.room_name))
    with connection.cursor() as cursor:
        cursor.execute(f"{LOCK}; {sql}; {question.sql}", [row.room_name, *parameters, *question.parameters])
        cursor.nextset()
        stored = cursor.rowcount == 1
        cursor.nextset()
        return stored, cursor.fetchone()


def _row(event: LiveKitEvent, outcome: str) -> WebhookEvent:
    return WebhookEvent(
        event_id=event.id,
        kind=event.event,
        room_name=event.room.name,
        participant=event.participant.identity,
        sent_at=_sent_at(event),
        outcome=outcome,
    )


def _sent_at(event: LiveKitEvent) -> datetime:
    try:
        return datetime.fromtimestamp(event.created_at, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadBody("body: createdAt is not a time in seconds") from error


class _Consequence(NamedTuple):
    """What to do about an event: what must be known for it, how it is done, and what nearly always comes of it."""

    question: Statement
    act: Callable[[LiveKitEvent, Row | None], str]
    usual: str


def _consequence(event: LiveKitEvent) -> _Consequence | None:
    """What to do about an event, or None when it is only written down: then nothing can come between it and another."""
    room, who = event.room.name, event.participant
    match event.event:
        case "participant_joined" if is_caller(who):
            question = Statement(_JOINED, [room, who.identity, _called_number(who)])
            return _Consequence(question, _caller_joined, "call queued")
        case "participant_left" if is_caller(who):
            return _Consequence(Statement(_CALL, [room]), _caller_left, "noted")
        case "room_finished":
            return _Consequence(Statement(_CALL, [room]), _room_finished, "noted")
        case _:
            return None


def is_caller(participant: ParticipantInfo) -> bool:
    """A phone caller: of kind SIP, or with the attributes that LiveKit's SIP service sets."""
    return participant.kind == ParticipantInfo.Kind.SIP or "sip.trunkPhoneNumber" in participant.attributes


def _caller_joined(event: LiveKitEvent, known: Row | None) -> str:
    incoming = incoming_call(event.room.name, event.participant)
    has_left, *number = known or (False, None)
    call = services.receive_call_to(CalledNumber(*number) if number[0] else None, incoming)
    if call is None:
        return "call identified" if services.identify_dialed(incoming) else "call exists"
    if has_left:
        services.end_abandoned(call)
        return "caller had left"
    return f"call {call.status}"


def incoming_call(room_name: str, caller: ParticipantInfo) -> IncomingCall:
    """What the attributes that LiveKit's SIP service sets tell of a caller."""
    attributes = caller.attributes
    called = _called_number(caller)
    return IncomingCall(
        room_name=room_name,
        caller_identity=caller.identity,
        caller_number=as_told(sip_headers.caller_number(attributes), called)[:32],
        called_number=called,
        sip_call_id=attributes.get("sip.callID", "")[:128],
        twilio_call_sid=attributes.get("sip.twilio.callSid", "")[:64],
    )


def _called_number(caller: ParticipantInfo) -> str:
    return _number(sip_headers.called_number(caller.attributes))


def _number(text: str) -> str:
    """E.164 where it can be; else what came in (`anonymous`, an extension), which no PhoneNumber matches."""
    try:
        return to_e164(text)
    except ValidationError:
        return text[:32]


def _caller_left(event: LiveKitEvent, known: Row | None) -> str:
    if event.participant.disconnect_reason == DisconnectReason.DUPLICATE_IDENTITY:
        return leases.RECONNECTED
    call = _call(known)
    if call is None or call.is_final or call.caller_identity != event.participant.identity:
        return "noted"
    if _end_waiting(call):
        return "call ended"
    if call.needs_dialing or event.participant.disconnect_reason in ROOM_ENDED:
        return "noted"
    return leases.HUNG_UP


def _call(known: Row | None) -> Call | None:
    """The call of a room, with no more than what decides whether and how it ends."""
    return Call.from_db(None, _FIELDS, known) if known else None


def _end_waiting(call: Call) -> bool:
    """A caller who leaves while no agent is there. A call that has an agent is ended by its worker."""
    if call.status == Status.IN_PROGRESS:
        return False
    if call.status == Status.CONNECTING and (call.answered_at or call.needs_dialing):
        return False  # its agent knows better why
    return services.end_abandoned(call)


def _room_finished(event: LiveKitEvent, known: Row | None) -> str:
    call = _call(known)
    if call is None or call.is_final:
        return "noted"
    if _end_waiting(call):
        return "call ended"
    # Its worker sees the same; whoever writes first wins, and a worker that died cannot leave the row open.
    if leases.hung_up(call):
        services.end_abandoned(call)
    else:
        services.end_call(call.pk, Status.FAILED, EndReason.ROOM_GONE)
    return "call ended"
