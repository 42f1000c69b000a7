"""What LiveKit's events mean for calls. Correct in any order, and when repeated.

Events of one room are handled one after another (an advisory lock), so a caller who left while its `joined` was on the
way is seen by whichever of the two comes second. Once the room's call has been erased, nothing of it is stored.
"""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models.functions import Now
from livekit.api import DisconnectReason
from livekit.api import WebhookEvent as LiveKitEvent

from calls.lifecycle import leases, services
from calls.livekit import supervisors
from calls.livekit.rooms import CONNECTION_LOST, ROOM_ENDED, ROOM_PREFIX
from calls.models import Call, Supervision, WebhookEvent
from calls.privacy.erased_rooms import is_erased, lock_rooms
from calls.states import EndReason, Status
from calls.webhooks.livekit.callers import incoming_call, is_caller
from calls.webhooks.livekit.signature import BadBody

HANDLED = frozenset({"room_started", "participant_joined", "participant_left", "room_finished"})


def handle(event: LiveKitEvent) -> str:
    """Act on the event, and store it with the outcome, in one transaction. Returns the outcome.

    What is known, or is about an erased call, is a duplicate: nothing is stored, and nothing follows.
    Raises BadBody when the event's time is none, and DataError when a value does not fit its column.
    """
    if event.event not in HANDLED or not event.room.name.startswith(ROOM_PREFIX):
        return "ignored"
    row = WebhookEvent(
        event_id=event.id,
        kind=event.event,
        room_name=event.room.name,
        participant=event.participant.identity,
        sent_at=_sent_at(event),
    )
    with transaction.atomic():
        lock_rooms([row.room_name])
        if WebhookEvent.objects.filter(event_id=row.event_id).exists() or is_erased(row.room_name):
            return "duplicate"
        row.outcome = _outcome(event)
        row.save(force_insert=True)
    return row.outcome


def _sent_at(event: LiveKitEvent) -> datetime:
    try:
        return datetime.fromtimestamp(event.created_at, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadBody("body: createdAt is not a time in seconds") from error


def _outcome(event: LiveKitEvent) -> str:
    """Act on a new event, and return the outcome."""
    match event.event:
        case "participant_joined" if is_caller(event.participant):
            return _caller_joined(event)
        case "participant_left" if is_caller(event.participant):
            return _caller_left(event)
        case "participant_joined" | "participant_left" if supervisors.is_supervisor(event.participant.identity):
            return _supervisor_moved(event)
        case "room_finished":
            return _room_finished(event)
        case _:
            return "noted"


def _caller_joined(event: LiveKitEvent) -> str:
    incoming = incoming_call(event.room.name, event.participant)
    call = services.receive_call(incoming)
    if call is None:
        return "call identified" if services.identify_dialed(incoming) else "call exists"
    if leases.has_left(call):
        services.end_abandoned(call)
        return "caller had left"
    return f"call {call.status}"


def _caller_left(event: LiveKitEvent) -> str:
    if event.participant.disconnect_reason == DisconnectReason.DUPLICATE_IDENTITY:
        return leases.RECONNECTED
    if event.participant.disconnect_reason in CONNECTION_LOST:
        return leases.LOST
    call = Call.objects.filter(room_name=event.room.name).first()
    if call is None or call.is_final or call.caller_identity != event.participant.identity:
        return "noted"
    if _end_waiting(call):
        return "call ended"
    if call.needs_dialing or event.participant.disconnect_reason in ROOM_ENDED:
        return "noted"
    return leases.HUNG_UP


def _supervisor_moved(event: LiveKitEvent) -> str:
    """Note who is there. One who came and went in the wrong order has left."""
    stays = Supervision.objects.filter(identity=event.participant.identity, call__room_name=event.room.name)
    came_or_went = "joined_at" if event.event == "participant_joined" else "left_at"
    return f"supervisor {came_or_went.removesuffix('_at')}" if stays.update(**{came_or_went: Now()}) else "noted"


def _end_waiting(call: Call) -> bool:
    """A caller who leaves while no agent is there. A call that has an agent is ended by its worker."""
    if call.status == Status.IN_PROGRESS:
        return False
    if call.status == Status.CONNECTING and (call.answered_at or call.needs_dialing):
        return False  # its agent knows better why
    return services.end_abandoned(call)


def _room_finished(event: LiveKitEvent) -> str:
    call = Call.objects.filter(room_name=event.room.name).first()
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
