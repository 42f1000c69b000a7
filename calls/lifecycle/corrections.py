"""What a call's own worker knows better than those who had to conclude it while the worker could not write.

While a worker cannot reach PostgreSQL, or only slowly, a webhook or the sweep may end its call by what LiveKit says:
that the room is gone, or the caller has left. What the worker has to say of the same attempt comes later, and is right.
"""

import uuid
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest, Least

from calls.lifecycle.services import as_detail, write_event
from calls.models import Call, CallEvent
from calls.states import FINAL, EndReason, Status

log = structlog.get_logger(__name__)

CONCLUDED = frozenset({EndReason.ROOM_GONE, EndReason.CALLER_LEFT, EndReason.CALLER_GAVE_UP})


@transaction.atomic
def answered(call_id: uuid.UUID, attempt: int, at: datetime) -> bool:
    """Note that a call had been answered which was taken for missed. False if it was not."""
    missed = Call.objects.filter(
        pk=call_id, attempt=attempt, status=Status.MISSED, end_reason=EndReason.CALLER_GAVE_UP, answered_at=None
    )
    if not missed.update(answered_at=Greatest("claimed_at", Least(Value(at), F("ended_at")))):
        return False
    write_event(call_id, Status.IN_PROGRESS, at=at, attempt=attempt)
    return True


@transaction.atomic
def ended(
    call_id: uuid.UUID, attempt: int, status: Status, reason: EndReason, *, detail: str = "", at: datetime
) -> bool:
    """Put the worker's end in the place of a concluded one. False if the call did not end like that, or is no better.

    That the caller left, or the room is gone, is a conclusion of the worker's, too: it is better than another only for
    a call that was taken for missed.
    """
    concluded = Call.objects.filter(
        pk=call_id, attempt=attempt, status__in=FINAL, end_reason__in=CONCLUDED, erased_at=None
    )
    if status == Status.FAILED:
        concluded = concluded.exclude(end_reason=EndReason.CALLER_LEFT)  # what fails after that is nobody's loss
    if reason in CONCLUDED:
        concluded = concluded.filter(status=Status.MISSED, answered_at__isnull=False)
    ended_at = Greatest(Coalesce("answered_at", "claimed_at"), Least(Value(at), F("ended_at")))
    if not concluded.update(status=status, end_reason=reason, end_detail=detail[:300], ended_at=ended_at):
        return False
    CallEvent.objects.filter(call_id=call_id, to_status__in=FINAL).update(
        kind=status, to_status=status, attempt=attempt, detail=as_detail(reason=reason, detail=detail)
    )
    log.info("call_end_corrected", call_id=str(call_id), status=str(status), reason=str(reason))
    return True
