"""How many slots there are, and how many are free: calculated only here, for the admin, the API, the metrics and the
limits.

**A slot is free** when a live worker that takes calls has it, no call is in it, and no waiting call is about to take
it. A caller held back by the limit of their own number is not about to take one: they wait until a call of that number
ends. There are never more free slots than MAX_CONCURRENT_AGENTS still allows, and never fewer than none.

Busy slots come from the calls' rows: workers report their own count some seconds late.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from calls.states import HELD, LIVE

_QUERY = """
WITH worker AS (
    SELECT holder, slots, draining FROM calls_heartbeat
    WHERE slots > 0 AND seen_at > statement_timestamp() - %(alive_within)s
), live AS (
    SELECT phone_number_id, status = ANY(%(held)s) AS held, overflowed OR answered_at IS NOT NULL AS beyond_limits,
           lease_holder IN (SELECT holder FROM worker WHERE draining) AS leaving
    FROM calls_call WHERE status = ANY(%(live)s)
), by_number AS (
    SELECT count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE held AND NOT leaving) AS busy,
           count(*) FILTER (WHERE NOT held AND beyond_limits) AS unlimited,
           count(*) FILTER (WHERE NOT held AND NOT beyond_limits) AS limited,
           max_calls
    FROM live LEFT JOIN calls_phonenumber AS number ON number.id = phone_number_id
    GROUP BY number.id, max_calls
)
SELECT (SELECT count(*) FROM worker WHERE NOT draining) AS workers,
       (SELECT coalesce(sum(slots), 0) FROM worker WHERE NOT draining) AS slots,
       coalesce(sum(held), 0) AS held, coalesce(sum(busy), 0) AS busy, coalesce(sum(unlimited + limited), 0) AS queued,
       coalesce(sum(unlimited + least(limited, greatest(coalesce(max_calls - held, limited), 0))), 0) AS next_up
FROM by_number
"""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the workers can take now.

    `workers` and `slots` are those that take calls. `held` calls have an agent; `busy` of them are on these workers,
    the others on workers that are draining. `queued` calls have none; `next_up` of them take a slot as soon as they
    are claimed, the others are held back by their number's limit.
    """

    workers: int
    slots: int
    held: int
    busy: int
    queued: int
    next_up: int

    @property
    def free(self) -> int:
        """Slots that one more caller could have now, as the module defines it."""
        of_workers = self.slots - self.busy - self.next_up
        of_all = settings.MAX_CONCURRENT_AGENTS - self.held - self.next_up
        return max(0, min(of_workers, of_all))


def measure(alive_within: timedelta) -> Capacity:
    """Ask the database, in one query. A worker not seen for `alive_within` is not live. Raises DatabaseError."""
    values: dict[str, Any] = {
        "alive_within": alive_within,
        "held": [status.value for status in HELD],
        "live": [status.value for status in LIVE],
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        names = [column.name for column in cursor.description]
        return Capacity(**{name: int(value) for name, value in zip(names, cursor.fetchone(), strict=True)})
