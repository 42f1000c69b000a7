"""Limits on concurrent calls, in total and per number. A caller beyond a limit waits and is not turned away. An
outbound call is not placed if it would have to wait, or take a slot reserved for callers.
"""

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q

from calls.lifecycle import capacity
from calls.models import Call, PhoneNumber
from calls.models.call import CallQuerySet
from calls.states import HELD

STUCK = "2s"  # a process that freezes during a claim must not block the others


def claimable() -> CallQuerySet:
    """The calls that a slot may take now, the one that has waited longest first.

    Whoever asks waits for the claims of others and makes them wait until its own transaction ends, so that two at once
    cannot both take the last call that a limit allows. Needs a transaction. A call that lost its agent mid-call is
    never held back, and one that overflowed to another persona only by the limit of the whole call center.
    """
    _one_claim_at_a_time()
    held = Call.objects.filter(status__in=HELD).order_by()
    by_number = list(held.values("phone_number", most=F("phone_number__max_calls")).annotate(calls=Count("pk")))
    waiting = Call.objects.waiting()
    resumed = Q(answered_at__isnull=False)
    if sum(number["calls"] for number in by_number) >= settings.MAX_CONCURRENT_AGENTS:
        return waiting.filter(resumed)
    full = [
        number["phone_number"]
        for number in by_number
        if number["most"] is not None and number["calls"] >= number["most"]
    ]
    return waiting.filter(resumed | Q(overflowed=True) | ~Q(phone_number__in=full))


def refusal(number: PhoneNumber, alive_within: timedelta) -> str | None:
    """Why a call from this number cannot be begun now; None when it can. Needs a transaction, and waits as above.

    A worker that was not seen for `alive_within` has no slots. Whoever writes the call in the same transaction can be
    sure that two at once do not take the same slot.
    """
    _one_claim_at_a_time()
    if Call.objects.live().filter(phone_number=number).count() >= number.max_calls:
        return f"{number.e164} is at its limit of {number.max_calls} calls"
    free = capacity.measure(alive_within).free
    if free > settings.INBOUND_RESERVE:
        return None
    return f"slots free: {free}, of which {settings.INBOUND_RESERVE} are reserved for callers"


def _one_claim_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [STUCK])
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('calls.claim', 0))")
