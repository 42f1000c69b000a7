"""Calls that the call center places: accepted only when a slot is there, then dialed by the agent that takes them."""

import uuid
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from agents.models import PersonaVersion
from calls import dispatch, leases, limits, services
from calls.dialing import RINGS
from calls.models import Call, PhoneNumber
from calls.phone import masked
from calls.rooms import ROOM_PREFIX
from calls.states import Direction, Status

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 10  # about how long it takes until one of some dozens of calls ends
CLAIMED_WITHIN = timedelta(seconds=15)  # its slot was free a moment ago; when it is not, the workers are in trouble


class HouseFull(Exception):
    """No slot is free for another outbound call. Says why, in a few words."""


@transaction.atomic
def place(to: str, number: PhoneNumber, version: PersonaVersion) -> Call:
    """Write a call from `number` to the number `to` (E.164), and send it to the workers on commit.

    Raises HouseFull, and writes nothing, when it would have to wait for a slot or take one that is kept for callers.
    """
    refusal = limits.refusal(number, leases.LEASE)
    if refusal is not None:
        log.info("outbound_refused", number=masked(number.e164))
        raise HouseFull(refusal)
    now = timezone.now()
    call = Call.objects.create(
        room_name=f"{ROOM_PREFIX}{uuid.uuid4().hex}",
        direction=Direction.OUTBOUND,
        caller_identity=f"sip_{to}",
        caller_number=to,
        called_number=number.e164,
        phone_number=number,
        persona_version=version,
        status=Status.QUEUED,
        created_at=now,
        rings_until=now + CLAIMED_WITHIN + RINGS,
    )
    services.write_event(call.pk, Status.QUEUED)
    transaction.on_commit(lambda: dispatch.send_call(call.pk))
    log.info("outbound_placed", call_id=str(call.pk), to=masked(to))
    return call
