"""Numbers about many calls, each from one query."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Aggregate, Case, Count, FloatField, OuterRef, QuerySet, Subquery, Sum, When
from django.utils import timezone

from calls import leases
from calls.models import Call, Heartbeat, Turn
from calls.models.history import Speaker
from calls.states import NOT_REACHED, Status


class Percentile(Aggregate):
    """PostgreSQL's `percentile_cont`; `fraction` is between 0 and 1."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: Any, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=float(fraction), **extra)


@dataclass(frozen=True, slots=True)
class Today:
    """Calls since midnight in the site's time zone. Latencies in ms, None without a measured reply."""

    by_status: dict[Status, int]
    live: int
    median_ms: float | None
    p95_ms: float | None
    not_reached: int
    """Outbound calls that nobody answered: among the missed ones, and no failure of ours."""

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def success_rate(self) -> float | None:
        """Completed of all that ended, from 0 to 1, without rejected and unanswered calls. None when none ended."""
        ended = sum(self.by_status[status] for status in (Status.COMPLETED, Status.FAILED, Status.MISSED))
        ended -= self.not_reached
        return self.by_status[Status.COMPLETED] / ended if ended else None


def today() -> Today:
    """What happened since midnight, and what is live now."""
    since = start_of_day()
    counts = dict(Call.objects.filter(created_at__gte=since).order_by().values_list("status").annotate(Count("pk")))
    latency = (
        Turn.objects.filter(call__created_at__gte=since, speaker=Speaker.AGENT, reply_ms__isnull=False)
        .order_by()
        .aggregate(median=Percentile("reply_ms", 0.5), p95=Percentile("reply_ms", 0.95))
    )
    return Today(
        by_status={status: counts.get(status, 0) for status in Status},
        live=Call.objects.live().count(),
        median_ms=latency["median"],
        p95_ms=latency["p95"],
        not_reached=Call.objects.filter(created_at__gte=since, end_reason__in=NOT_REACHED).count(),
    )


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of the workers that are alive and take calls."""

    total: int
    free: int


def slots() -> Slots:
    """How many calls the workers can hold now, and how many more they can take."""
    heartbeats = Heartbeat.objects.alive(leases.LEASE).filter(draining=False)
    total = heartbeats.aggregate(total=Sum("slots"))["total"] or 0
    return Slots(total, Heartbeat.objects.free_slots(leases.LEASE))


def with_position(calls: QuerySet[Call]) -> QuerySet[Call]:
    """Annotate each waiting call with its `position` in the queue, 1 for the next; None for all others."""
    until = Call.objects.waiting().filter(created_at__lte=OuterRef("created_at")).order_by()
    count = until.values("status").annotate(count=Count("pk")).values("count")
    return calls.annotate(position=Case(When(status=Status.QUEUED, then=Subquery(count))))


def start_of_day(at: datetime | None = None) -> datetime:
    """Midnight before `at` (or now), in the site's time zone."""
    return timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)


def with_median_reply(calls: QuerySet[Call]) -> QuerySet[Call]:
    """Annotate each call with `median_reply_ms`, None when no reply of it was measured."""
    replies = (
        Turn.objects.filter(call=OuterRef("pk"), speaker=Speaker.AGENT)
        .order_by()
        .values("call")
        .annotate(median=Percentile("reply_ms", 0.5))
        .values("median")
    )
    return calls.annotate(median_reply_ms=Subquery(replies))
