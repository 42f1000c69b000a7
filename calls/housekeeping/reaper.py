"""Compares LiveKit's rooms with the rows, and repairs what a lost webhook or a dead process left behind.

Each repair goes through the same services as the webhook that should have caused it, so that both may happen.
"""

import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog
from asgiref.sync import async_to_sync
from django.db import DataError
from django.db.models.functions import Now
from django.utils import timezone
from livekit.api import ParticipantInfo

from calls.lifecycle import elapsed, enqueue, leases, services
from calls.livekit import rooms
from calls.livekit.rooms import ROOM_PREFIX
from calls.models import Call, Heartbeat
from calls.models.heartbeat import CLOCK
from calls.phone import mask_numbers
from calls.privacy.erased_rooms import stored_names
from calls.states import ANNOUNCED, FINAL, EndReason, Status
from calls.webhooks.livekit.callers import incoming_call, is_caller

log = structlog.get_logger(__name__)

SETTLED = timedelta(seconds=10)  # younger differences are events on their way
OVERTIME = timedelta(seconds=60)  # a call that its own agent has not ended by then has no agent that could
ANNOUNCING = timedelta(seconds=60)  # longer than the announcer speaks, or waits for a transfer
ANNOUNCER_JOINS = timedelta(seconds=20)  # by then the announcer is in the room, or its process was restarted
COMES_BACK_WITHIN_S = 9.0  # a caller's side that loses LiveKit, as by its restart, joins again (calls.livekit.rooms)
FORGOTTEN_AFTER_S = 30.0  # three runs: whoever was missing before that may have been there since
FORGET_HOLDERS = timedelta(minutes=5)

type Rooms = dict[str, list[ParticipantInfo]]


class Missing:
    """Since when callers are missing, in all runs of this process, by its own clock.

    In memory only: a caller whom a restart forgets is waited for once more, which does no harm.
    """

    def __init__(self) -> None:
        self._since: dict[uuid.UUID, float] = {}
        self._noted_at = 0.0

    def note(self, calls: Iterable[uuid.UUID]) -> None:
        """These are missing now, and no others."""
        now = time.monotonic()
        if now - self._noted_at > FORGOTTEN_AFTER_S:
            self.forget()
        self._since = {call_id: self._since.get(call_id, now) for call_id in calls}
        self._noted_at = now

    def forget(self) -> None:
        """LiveKit did not respond: nobody could reconnect meanwhile."""
        self._since = {}

    def is_given_up(self, call_id: uuid.UUID) -> bool:
        """Whether the caller has had the time to come back."""
        return time.monotonic() - self._since[call_id] >= COMES_BACK_WITHIN_S


_missing = Missing()


def reap() -> None:
    """Reconcile every live call and every call room. Raises what LiveKit's API raises when it cannot be asked."""
    try:
        present: Rooms = async_to_sync(rooms.occupied)(ROOM_PREFIX)
    except Exception:
        _missing.forget()
        raise
    calls = {call.room_name: call for call in Call.objects.live().select_related("persona_version")}
    _take_in_strangers(present, calls)
    _end_abandoned(present, calls.values())
    _end_overtime(calls.values())
    _close_finished(present)
    Heartbeat.objects.filter(seen_at__lt=Now() - FORGET_HOLDERS).exclude(holder=CLOCK).delete()


def _take_in_strangers(present: Rooms, calls: dict[str, Call]) -> None:
    """Callers whose `participant_joined` never came: they hear ringing, and have no call yet."""
    stored = stored_names(present)
    known = {stored[name] for name in Call.objects.filter(room_name__in=stored).values_list("room_name", flat=True)}
    for room_name in present.keys() - known - calls.keys():
        caller = next((person for person in present[room_name] if is_caller(person)), None)
        if caller and not timedelta(0) <= _present_for(caller) <= SETTLED:  # less than nothing: a clock was set
            log.warning("webhook_lost", room=mask_numbers(room_name), kind="participant_joined")
            try:
                services.receive_call(incoming_call(room_name, caller))
            except DataError:  # what one of them says of itself keeps nobody else from being helped
                log.exception("caller_not_stored", room=mask_numbers(room_name))


def _end_abandoned(present: Rooms, calls: Iterable[Call]) -> None:
    """Live calls whose caller is not in the room. Whoever is yet to be reached was not in it either.

    Who did not hang up may come back, and is missed in two runs before the call ends.
    """
    missing = [call for call in calls if not call.needs_dialing and _is_missing(call, present) and _is_settled(call)]
    _missing.note(call.pk for call in missing)
    for call in missing:
        may_come_back = _may_come_back(call)
        if may_come_back and not _missing.is_given_up(call.pk):
            continue
        log.warning("caller_gone", call_id=str(call.pk), status=call.status)
        if may_come_back and (call.room_name not in present or leases.lost_connection(call)):
            ended = services.end_call(call.pk, Status.FAILED, EndReason.ROOM_GONE)
        else:
            ended = services.end_abandoned(call)
        if ended and call.room_name in present:
            enqueue.close_room(call.room_name)


def _is_missing(call: Call, present: Rooms) -> bool:
    return all(person.identity != call.caller_identity for person in present.get(call.room_name, []))


def _may_come_back(call: Call) -> bool:
    """Whether the caller was lost, and did not hang up."""
    return call.answered_at is not None and not leases.hung_up(call)


def _end_overtime(calls: Iterable[Call]) -> None:
    answered = Call.objects.live().filter(answered_at__isnull=False)
    talked = dict(answered.values_list("pk", elapsed.TALKED))
    for call in calls:
        version, so_far = call.persona_version, talked.get(call.pk)
        if version and so_far and so_far > timedelta(seconds=version.max_duration_s) + OVERTIME:
            log.warning("overtime", call_id=str(call.pk))
            if services.end_call(call.pk, Status.COMPLETED, EndReason.MAX_DURATION):
                enqueue.close_room(call.room_name)


def _close_finished(present: Rooms) -> None:
    """Rooms that outlived their call: someone in them hears nothing."""
    stored = stored_names(present)
    over = Call.objects.filter(status__in=FINAL, ended_at__lt=Now() - SETTLED, room_name__in=stored)
    told = [
        name for name, room in stored.items() if any(person.identity == rooms.ANNOUNCER for person in present[room])
    ]
    over = over.exclude(end_reason__in=ANNOUNCED, ended_at__gt=Now() - ANNOUNCER_JOINS)
    over = over.exclude(end_reason__in=ANNOUNCED, ended_at__gt=Now() - ANNOUNCING, room_name__in=told)
    for name in over.values_list("room_name", flat=True):
        room_name = stored[name]
        log.warning("room_left_open", room=mask_numbers(room_name))
        enqueue.close_room(room_name)


def _present_for(person: ParticipantInfo) -> timedelta:
    return timezone.now() - datetime.fromtimestamp(person.joined_at, UTC)


def _is_settled(call: Call) -> bool:
    """Whether the call has been as it is for long enough to be sure of what is missing."""
    settled = Call.objects.filter(pk=call.pk, queued_at__lt=Now() - SETTLED)
    return settled.exclude(claimed_at__gt=Now() - SETTLED).exists()
