"""Outbound calls: accepted only if a slot is free, then dialed by the agent that takes them."""

import uuid
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction

from agents.models import PersonaVersion
from calls import destinations
from calls.lifecycle import elapsed, enqueue, leases, limits, services
from calls.livekit.dialing import RINGS
from calls.livekit.rooms import ROOM_PREFIX
from calls.models import Call, PhoneNumber
from calls.phone import masked
from calls.reporting import aggregates
from calls.states import Direction, Status

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 10  # about how long it takes until one of some dozens of calls ends
CLAIMED_WITHIN = timedelta(seconds=15)  # its slot was free a moment ago; when it is not, the workers are in trouble


class NoCapacity(Exception):
    """No slot is free for another outbound call. Says why, in a few words."""


class DailyLimitReached(Exception):
    """As many calls were placed today as OUTBOUND_DAILY_LIMIT allows; `again_in_s` until midnight."""

    def __init__(self, again_in_s: int) -> None:
        super().__init__(f"{settings.OUTBOUND_DAILY_LIMIT} calls were placed today, as OUTBOUND_DAILY_LIMIT allows")
        self.again_in_s = again_in_s


@transaction.atomic
def place(to: str, number: PhoneNumber, version: PersonaVersion) -> Call:
    """Write a call from `number` to the number `to` (E.164), and send it to the workers on commit.

    Raises destinations.NotAllowed when `to` may not be dialed, NoCapacity when the call would have to wait for a slot
    or take one that is kept for callers, and DailyLimitReached. Then nothing is written.
    """
    destinations.check(to)
    refusal = limits.refusal(number, leases.LEASE)
    if refusal is not None:
        log.info("outbound_refused", number=masked(number.e164))
        raise NoCapacity(refusal)
    _check_daily_limit()  # counted while other claims wait, as the slots are
    now = elapsed.now()
    call = Call.objects.create(
        room_name=f"{ROOM_PREFIX}{uuid.uuid4().hex}",
        direction=Direction.OUTBOUND,
        caller_identity=f"sip_{uuid.uuid4().hex[:16]}",  # not the number: LiveKit logs it
        caller_number=to,
        called_number=number.e164,
        phone_number=number,
        persona_version=version,
        status=Status.QUEUED,
        created_at=now,
        queued_at=now,
        sent_at=now,
        rings_until=now + CLAIMED_WITHIN + RINGS,
    )
    services.write_event(call.pk, Status.QUEUED)
    transaction.on_commit(lambda: enqueue.send_call(call.pk))
    log.info("outbound_placed", call_id=str(call.pk), to=masked(to))
    return call


def _check_daily_limit() -> None:
    since = aggregates.start_of_day()
    placed = Call.objects.filter(direction=Direction.OUTBOUND, created_at__gte=since).count()
    if placed >= settings.OUTBOUND_DAILY_LIMIT:
        raise DailyLimitReached(aggregates.seconds_to_midnight())
