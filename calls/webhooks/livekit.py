"""What LiveKit's events mean for calls. Right in any order, any number of times.

Events of one room are handled one after another (an advisory lock), so a caller who left while its `joined` was on the
way is seen by whichever of the two comes second.
"""

from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from livekit.api import ParticipantInfo
from livekit.api import WebhookEvent as LiveKitEvent

from calls import leases, services
from calls.models import Call, WebhookEvent
from calls.phone import to_e164
from calls.rooms import ROOM_PREFIX
from calls.services import IncomingCall
from calls.states import EndReason, Status
from calls.webhooks.signature import BadBody

HANDLED = frozenset({"room_started", "participant_joined", "participant_left", "room_finished"})


def handle(event: LiveKitEvent) -> str:
    """Store the event and do what follows from it. Returns the outcome, for the log and the answer.

    Raises BadBody when the event's time is none, and DataError when a value does not fit its column.
    """
    if event.event not in HANDLED or not event.room.name.startswith(ROOM_PREFIX):
        return "ignored"
    with transaction.atomic():
        _lock(event.room.name)
        row, is_new = WebhookEvent.objects.get_or_create(
            event_id=event.id,
            defaults={
                "kind": event.event,
                "room_name": event.room.name,
                "participant": event.participant.identity,
                "sent_at": _sent_at(event),
            },
        )
        if not is_new:
            return "duplicate"
        row.outcome = _act(event)
        row.save(update_fields=["outcome"])
        return row.outcome


def _sent_at(event: LiveKitEvent) -> datetime:
    try:
        return datetime.fromtimestamp(event.created_at, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadBody("body: createdAt is not a time in seconds") from error


def _act(event: LiveKitEvent) -> str:
    match event.event:
        case "participant_joined" if is_caller(event.participant):
            return _caller_joined(event)
        case "participant_left" if is_caller(event.participant):
            return _caller_left(event)
        case "room_finished":
            return _room_finished(event.room.name)
        case _:
            return "noted"


def is_caller(participant: ParticipantInfo) -> bool:
    """A phone caller: of kind SIP, or with the attributes that LiveKit's SIP service sets."""
    return participant.kind == ParticipantInfo.Kind.SIP or "sip.trunkPhoneNumber" in participant.attributes


def _caller_joined(event: LiveKitEvent) -> str:
    incoming = incoming_call(event.room.name, event.participant)
    call = services.receive_call(incoming)
    if call is None:
        return "call identified" if services.identify_dialed(incoming) else "call exists"
    if leases.has_left(call):
        services.end_abandoned(call)
        return "caller had left"
    return f"call {call.status}"


def incoming_call(room_name: str, caller: ParticipantInfo) -> IncomingCall:
    """What the attributes that LiveKit's SIP service sets tell of a caller."""
    attributes = caller.attributes
    return IncomingCall(
        room_name=room_name,
        caller_identity=caller.identity,
        caller_number=_number(attributes.get("sip.phoneNumber", "")),
        called_number=_number(attributes.get("sip.trunkPhoneNumber", "")),
        sip_call_id=attributes.get("sip.callID", "")[:128],
        twilio_call_sid=attributes.get("sip.twilio.callSid", "")[:64],
    )


def _number(text: str) -> str:
    """E.164 where it can be; else what came in (`anonymous`, an extension), which no PhoneNumber matches."""
    try:
        return to_e164(text)
    except ValidationError:
        return text[:32]


def _caller_left(event: LiveKitEvent) -> str:
    call = Call.objects.filter(room_name=event.room.name, caller_identity=event.participant.identity).first()
    return "call ended" if call and _end_waiting(call) else "noted"


def _end_waiting(call: Call) -> bool:
    """A caller who leaves while no agent is there. A call that has an agent is ended by its worker."""
    if call.status == Status.IN_PROGRESS:
        return False
    if call.status == Status.CONNECTING and (call.answered_at or call.is_to_be_dialed):
        return False  # its agent knows better why
    return services.end_abandoned(call)


def _room_finished(room_name: str) -> str:
    call = Call.objects.filter(room_name=room_name).first()
    if call is None or call.is_final:
        return "noted"
    if _end_waiting(call):
        return "call ended"
    # Its worker sees the same; whoever writes first wins, and a worker that died cannot leave the row open.
    services.end_call(call.pk, Status.FAILED, EndReason.ROOM_GONE)
    return "call ended"


def _lock(room_name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [room_name])
