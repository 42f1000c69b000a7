"""Numbers about many calls, each from one query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Case, Count, FloatField, OuterRef, QuerySet, Subquery, When
from django.utils import timezone

from calls.models import Call, Turn
from calls.reporting.success import success_rate
from calls.states import Status


class Percentile(Aggregate):
    """PostgreSQL's `percentile_cont`; `fraction` is between 0 and 1."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: Any, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=float(fraction), **extra)


@dataclass(frozen=True, slots=True)
class Today:
    """Calls since midnight in the site's time zone. Latencies in ms, None without a measured reply.

    `success_rate` is as calls.reporting.success defines it.
    """

    by_status: dict[Status, int]
    live: int
    success_rate: float | None
    median_ms: float | None
    p95_ms: float | None

    @property
    def total(self) -> int:
        return sum(self.by_status.values())


def today() -> Today:
    """What happened since midnight, without tests, and what is live now."""
    since = start_of_day()
    calls = Call.objects.counted().filter(created_at__gte=since).order_by()
    counts = {
        (s, reason): count for s, reason, count in calls.values_list("status", "end_reason").annotate(Count("pk"))
    }
    latency = (
        Turn.objects.filter(call__is_test=False, call__created_at__gte=since, reply_ms__isnull=False)
        .order_by()
        .aggregate(median=Percentile("reply_ms", 0.5), p95=Percentile("reply_ms", 0.95))
    )
    return Today(
        by_status={status: sum(count for (s, _), count in counts.items() if s == status) for status in Status},
        live=Call.objects.live().count(),
        success_rate=success_rate(counts),
        median_ms=latency["median"],
        p95_ms=latency["p95"],
    )


def with_position(calls: QuerySet[Call]) -> QuerySet[Call]:
    """Annotate each waiting call with its `position` in the queue, 1 for the next; None for all others."""
    until = Call.objects.waiting().filter(created_at__lte=OuterRef("created_at")).order_by()
    count = until.values("status").annotate(count=Count("pk")).values("count")
    return calls.annotate(position=Case(When(status=Status.QUEUED, then=Subquery(count))))


def start_of_day(at: datetime | None = None) -> datetime:
    """Midnight before `at` (or now), in the site's time zone."""
    return timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)


def seconds_to_midnight(at: datetime | None = None) -> int:
    """Until the next day begins in the site's time zone, which is not always 24 hours after the last one did."""
    now = at or timezone.now()
    tomorrow = start_of_day(now) + timedelta(days=1)  # by the wall clock
    return max(1, ceil((tomorrow.astimezone(UTC) - now).total_seconds()))


def by_median_reply(calls: QuerySet[Call]) -> QuerySet[Call]:
    """Allow these calls to be ordered by `median_reply_ms`; costs nothing as long as they are not."""
    median = _replies(call=OuterRef("pk")).annotate(median=Percentile("reply_ms", 0.5)).values("median")
    return calls.alias(median_reply_ms=Subquery(median))


def median_replies(calls: Iterable[Call]) -> dict[UUID, float]:
    """The median latency of the replies of each of these calls, in ms; no entry without a measured reply."""
    replies = _replies(call__in=[call.pk for call in calls])
    return dict(replies.annotate(median=Percentile("reply_ms", 0.5)).values_list("call", "median"))


def _replies(**of: Any) -> QuerySet[Turn, Any]:
    """The agent's turns that were replies, to be grouped by call."""
    return Turn.objects.filter(reply_ms__isnull=False, **of).order_by().values("call")
