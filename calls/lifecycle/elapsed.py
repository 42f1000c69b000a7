"""How long a call has been in its state, by the database's clock: those of other processes may be wrong, or be set.

It may be set itself. Housekeeping compares it to a clock that nobody sets, and only the time since then counts. What is
set while housekeeping does not run goes unnoticed.
"""

import time
import uuid
from datetime import datetime, timedelta
from typing import cast

import structlog
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Subquery
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from calls.models import Call, Heartbeat
from calls.models.heartbeat import CLOCK

log = structlog.get_logger(__name__)

SET_BY_S = 2.0  # more than clocks are corrected by in everyday life

_EVEN_SINCE = Subquery(Heartbeat.objects.filter(holder=CLOCK).values("beating_since")[:1])
TALKED = ExpressionWrapper(Now() - Greatest("answered_at", _EVEN_SINCE), output_field=DurationField())
"""For queries of calls that were answered."""


class ClockWatch:
    """Compares the database's clock to this process's monotonic one, each time to the time before."""

    def __init__(self) -> None:
        self._last: tuple[datetime, float, float] | None = None  # the database's, just before and just after

    def look(self) -> None:
        """Record when the database's clock was set since the last look."""
        before = time.monotonic()
        at = now()
        after = time.monotonic()
        last, self._last = self._last, (at, before, after)
        if last is None:
            return
        passed_s = (at - last[0]).total_seconds()
        if not before - last[2] - SET_BY_S <= passed_s <= after - last[1] + SET_BY_S:
            log.warning("database_clock_set", by_s=round(passed_s - (after - last[2]), 1))
            Heartbeat.objects.update_or_create(holder=CLOCK, defaults={"beating_since": Now(), "seen_at": Now()})


clock_watch = ClockWatch()


def talked(call_id: uuid.UUID) -> timedelta:
    """How long caller and agents have been connected; zero before the answer."""
    answered = Call.objects.filter(pk=call_id, answered_at__isnull=False)
    [so_far] = answered.values_list(TALKED, flat=True) or [timedelta(0)]
    return max(so_far, timedelta(0))


def rings_for(call_id: uuid.UUID) -> timedelta:
    """How much longer the call may ring; zero when it may not."""
    left = ExpressionWrapper(F("rings_until") - Now(), output_field=DurationField())
    [remaining] = Call.objects.filter(pk=call_id, rings_until__isnull=False).values_list(left, flat=True) or [
        timedelta(0)
    ]
    return max(remaining, timedelta(0))


def now() -> datetime:
    """The database's time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        [at] = cursor.fetchone() or [timezone.now()]
    return cast(datetime, at)
