"""How long a call has been as it is, by the database's clock: those of other processes may be wrong, or be set.

It may be set itself. The sweep's heartbeat tells since when it has gone on evenly, and only that time counts.
"""

import uuid
from datetime import datetime, timedelta
from typing import cast

from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Subquery
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from calls.models import Call, Heartbeat
from calls.models.heartbeat import SWEEP

_EVEN_SINCE = Subquery(Heartbeat.objects.filter(holder=SWEEP).values("beating_since")[:1])
TALKED = ExpressionWrapper(Now() - Greatest("answered_at", _EVEN_SINCE), output_field=DurationField())
"""For queries of calls that were answered."""


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
