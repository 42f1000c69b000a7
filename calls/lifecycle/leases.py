"""Who holds a call: claimed by one slot, renewed while its process lives, and given to another when it does not.

All times are the database's: the processes' clocks may differ. An expired lease counts only if the database was up all
along and its clock was not changed, which the sweep's own heartbeat shows: after an outage or a jump of the clock every
lease is old, but no worker is lost.
"""

import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Now

from calls.lifecycle import enqueue, limits, overflow, services
from calls.models import Call, Heartbeat, WebhookEvent
from calls.models.heartbeat import SWEEP
from calls.states import HELD, EndReason, Status

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=5)  # so long is a worker silent before another takes its calls
BEAT_EVERY = timedelta(seconds=1.5)  # three beats in a lease
LOSSES_MAX = 1  # a call that loses its worker twice is ended: something about it may be what kills them
RESUME_WITHIN = timedelta(seconds=30)  # so long a caller listens to nothing; then the call is ended with its reason

HUNG_UP = "caller hung up"  # what a webhook says of a caller who left an agent of its own accord
LOST = "connection lost"  # of one whose connection broke, and who may come back
RECONNECTED = "reconnected"  # and of one whose side has a new connection: LiveKit tells that the old one left


@transaction.atomic
def claim(holder: str) -> Call | None:
    """Take the call that has waited longest for a slot of `holder` (`host:pid`). None when none may be taken.

    The new `attempt` is the fencing token: whoever carries an older one may write nothing.
    """
    oldest = limits.claimable().select_for_update(skip_locked=True).values_list("pk", flat=True).first()
    if oldest is None:
        return None
    Call.objects.filter(pk=oldest).update(
        status=Status.CONNECTING,
        attempt=F("attempt") + 1,
        lease_holder=holder,
        lease_expires_at=Now() + LEASE,
        claimed_at=Now(),
    )
    call = Call.objects.select_related("persona_version__persona", "phone_number").get(pk=oldest)
    services.write_event(call.pk, Status.CONNECTING, attempt=call.attempt, holder=holder)
    return call


def renew(holder: str, held: Collection[tuple[uuid.UUID, int]]) -> set[tuple[uuid.UUID, int]]:
    """Renew the leases of `holder` on these pairs of call and attempt, in one statement.

    Returns those that are no longer its own: taken back, or ended by someone else.
    """
    if not held:
        return set()
    mine = Call.objects.filter(_any_of(held), lease_holder=holder, status__in=HELD)
    if mine.update(lease_expires_at=Now() + LEASE) == len(held):
        return set()
    return set(held) - set(mine.values_list("pk", "attempt"))


def _any_of(held: Iterable[tuple[uuid.UUID, int]]) -> Q:
    condition = Q()
    for call_id, attempt in held:
        condition |= Q(pk=call_id, attempt=attempt)
    return condition


@transaction.atomic
def hand_over(call_id: uuid.UUID, attempt: int) -> bool:
    """Give a call back, for another slot to resume at once. False when it is no longer this attempt's."""
    if not _queue_again(call_id, attempt):
        return False
    services.write_event(call_id, Status.QUEUED, attempt=attempt, reason="handed over")
    return True


@transaction.atomic
def not_joined(call_id: uuid.UUID, attempt: int, problem: str) -> bool:
    """Give a call back whose agent and caller do not hear each other, for another slot to try. The caller keeps
    waiting.

    A caller whose ring time is over gets the number's overflow action; one who had an agent before, and has waited for
    too long, hears an apology. False when the call is no longer this attempt's.
    """
    call = Call.objects.filter(pk=call_id, attempt=attempt, status__in=HELD).select_for_update().first()
    if call is None:
        return False
    log.warning("not_joined", call_id=str(call_id), attempt=attempt, problem=problem)
    services.write_event(call_id, "not_joined", attempt=attempt, problem=problem)
    _queue_again(call_id, attempt, queued_at=call.queued_at, not_joined_at=Now())
    services.write_event(call_id, Status.QUEUED, attempt=attempt, reason="not joined")
    if _has_waited_too_long(call):
        if call.answered_at is None:
            overflow.overflow(call, problem)
        else:
            services.end_without_agent(call, EndReason.CONNECT_FAILED, problem)
    return True


def _has_waited_too_long(call: Call) -> bool:
    rang = Q(answered_at=None) & (Q(rings_until=None) | Q(rings_until__lt=Now()))
    not_resumed = Q(answered_at__isnull=False, queued_at__lt=Now() - RESUME_WITHIN)
    return Call.objects.filter(rang | not_resumed, pk=call.pk).exists()


@transaction.atomic
def take_back_expired() -> int:
    """Queue the calls whose worker is lost again; return how many leases had expired.

    Called by the sweep alone. A second loss ends the call; so does a caller who left meanwhile.
    """
    beat(SWEEP)
    if not sweep_is_steady():
        return 0
    # Nobody is given a lease that lasts longer than a lease: that one is of before the clock was set back. A step back
    # by less than the sweep's interval goes unnoticed by the sweep, so twice as long is allowed for.
    expired = Q(lease_expires_at__lt=Now()) | Q(lease_expires_at__gt=Now() + 2 * LEASE)
    calls = list(Call.objects.filter(expired, status__in=HELD).select_for_update(skip_locked=True))
    for call in calls:
        _take_back(call)
    return len(calls)


def sweep_is_steady() -> bool:
    """Whether the sweep has run for as long as a lease lasts, by a clock that nobody set."""
    return Heartbeat.objects.filter(holder=SWEEP, beating_since__lte=Now() - LEASE).exists()


@transaction.atomic
def give_up(call_id: uuid.UUID, attempt: int) -> bool:
    """Give a call back whose agent has lost its connection to LiveKit. False when it is not this attempt's.

    However often: a network that breaks is nothing about the call, and its caller would rather be asked again than be
    disconnected.
    """
    held = Call.objects.filter(pk=call_id, attempt=attempt, status__in=HELD)
    call = held.select_for_update().first()
    if call is not None:
        _take_back(call, disconnected=True)
    return call is not None


def _take_back(call: Call, *, disconnected: bool = False) -> None:
    """Have another slot take a call that has lost its agent; end it when too many workers died. Its row is locked."""
    may_resume = disconnected or _workers_lost(call) < LOSSES_MAX
    detail: dict[str, Any] = {"holder": call.lease_holder} | ({"disconnected": True} if disconnected else {})
    log.warning("agent_lost", call_id=str(call.pk), attempt=call.attempt, **detail)
    services.write_event(call.pk, "agent_lost", attempt=call.attempt, **detail)
    if has_left(call):
        services.end_abandoned(call)
    elif may_resume and _queue_again(call.pk, call.attempt, losses=F("losses") + 1):
        services.write_event(call.pk, Status.QUEUED, attempt=call.attempt, reason="agent lost")
    else:
        services.end_without_agent(call)


def _workers_lost(call: Call) -> int:
    """How many workers died with this call; its `losses` are also those whose agent lost its connection."""
    return call.events.filter(kind="agent_lost").exclude(detail__has_key="disconnected").count()


@transaction.atomic
def end_unresumed() -> int:
    """End the answered calls that have waited too long for another slot; return how many."""
    waiting = Call.objects.filter(
        status=Status.QUEUED, answered_at__isnull=False, queued_at__lt=Now() - RESUME_WITHIN
    ).select_for_update(skip_locked=True)
    calls = list(waiting)
    for call in calls:
        services.end_without_agent(call)
    return len(calls)


def has_left(call: Call) -> bool:
    """Whether LiveKit has reported that the caller left for good, or that the room is closed."""
    return _departures(call).exclude(outcome=LOST).exists()


def _departures(call: Call) -> QuerySet[WebhookEvent]:
    ends = WebhookEvent.objects.filter(room_name=call.room_name, kind__in=("participant_left", "room_finished"))
    return ends.filter(participant__in=("", call.caller_identity)).exclude(outcome=RECONNECTED)


def may_dial(call: Call) -> bool:
    """Whether the person may be called: the call is still this attempt's, and nobody was reached and left meanwhile."""
    held = Call.objects.filter(pk=call.pk, attempt=call.attempt, status__in=HELD)
    return held.exists() and not _departures(call).exists()


def hung_up(call: Call) -> bool:
    """Whether LiveKit has reported that the caller left an agent, although no worker has yet."""
    return _departures(call).filter(outcome=HUNG_UP).exists()


def lost_connection(call: Call) -> bool:
    """Whether LiveKit has reported that the caller's connection broke."""
    return _departures(call).filter(outcome=LOST).exists()


def beat(holder: str, *, slots: int = 0, busy: int = 0, draining: bool = False) -> None:
    """Record that `holder` is alive, and how many of its slots hold a call.

    A gap between two beats in which a lease may have run out, renewed just before it, is a beat that was missing.
    """
    values = {"slots": slots, "busy": busy, "draining": draining, "seen_at": Now()}
    unbroken = When(seen_at__gt=Now() - (LEASE - BEAT_EVERY), seen_at__lte=Now(), then=F("beating_since"))
    since = Case(unbroken, default=Now())
    if not Heartbeat.objects.filter(holder=holder).update(**values, beating_since=since):
        Heartbeat.objects.get_or_create(holder=holder, defaults={**values, "beating_since": Now()})


def _queue_again(call_id: uuid.UUID, attempt: int, **values: object) -> bool:
    moved = Call.objects.move(
        call_id,
        Status.QUEUED,
        attempt=attempt,
        lease_holder="",
        lease_expires_at=None,
        sent_at=Now(),
        **{"queued_at": Now()} | values,
    )
    if moved:
        transaction.on_commit(lambda: enqueue.send_call(call_id))
    return moved
