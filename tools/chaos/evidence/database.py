"""Reads the soak's own database: calls with their history, heartbeats, dead letters.

Everything here raises psycopg.Error while it is unavailable.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import psycopg

from tools.chaos.evidence.records import Beat, CallRow, EventRow, TurnRow

LIVE = ["queued", "connecting", "in_progress"]
CALLS = """
    SELECT id, room_name, status, end_reason, attempt, extract(epoch FROM created_at), extract(epoch FROM ended_at)
    FROM calls_call ORDER BY created_at
"""
EVENTS = """
    SELECT call_id, kind, attempt, extract(epoch FROM at), coalesce(detail->>'holder', '')
    FROM calls_callevent ORDER BY id
"""
TURNS = """
    SELECT call_id, number, speaker, text, extract(epoch FROM started_at), extract(epoch FROM ended_at), interrupted
    FROM calls_turn ORDER BY call_id, number
"""
BEATS = """
    SELECT holder, busy FROM calls_heartbeat
    WHERE slots > 0 AND NOT draining AND seen_at > now() - interval '5 seconds' ORDER BY holder
"""
HELD = """
    SELECT lease_holder, count(*) FROM calls_call WHERE status IN ('connecting', 'in_progress') GROUP BY lease_holder
"""
HOLDERS = """
    SELECT call.room_name, event.attempt, event.detail->>'holder' FROM calls_callevent event
    JOIN calls_call call ON call.id = event.call_id
    WHERE event.kind = 'connecting' AND call.room_name = ANY(%s)
"""


class Database:
    """The database at `url`. A connection a question: it may have been restarted since the last one."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url, connect_timeout=2) as connection:
            return connection.execute(query, values or None).fetchall()

    def calls(self) -> list[CallRow]:
        """Every call with its history, the oldest first."""
        with psycopg.connect(self._url, connect_timeout=2) as connection:
            calls, events, turns = (connection.execute(query).fetchall() for query in (CALLS, EVENTS, TURNS))
        events_of, turns_of = defaultdict(list), defaultdict(list)
        for call_id, kind, attempt, at, holder in events:
            events_of[call_id].append(EventRow(kind, attempt, float(at), holder))
        for call_id, number, speaker, text, started_at, ended_at, interrupted in turns:
            turn = TurnRow(number, speaker, text, float(started_at), float(ended_at), interrupted)
            turns_of[call_id].append(turn)
        return [
            CallRow(
                *(room, status, reason, attempt, float(created_at)),
                float(ended_at) if ended_at is not None else None,
                events_of[call_id],
                turns_of[call_id],
            )
            for call_id, room, status, reason, attempt, created_at, ended_at in calls
        ]

    def live(self) -> dict[str, str]:
        """The caller's identity of every live call, by room."""
        query = "SELECT room_name, caller_identity FROM calls_call WHERE status = ANY(%s)"
        return dict(self._ask(query, LIVE))

    def statuses(self, rooms: Collection[str]) -> dict[str, str]:
        """The status of the rows of these rooms; those without a row are not in it."""
        return dict(self._ask("SELECT room_name, status FROM calls_call WHERE room_name = ANY(%s)", list(rooms)))

    def holders(self, rooms: Collection[str]) -> dict[tuple[str, int], int]:
        """The process id of whoever claimed, by room and attempt."""
        found = self._ask(HOLDERS, list(rooms))
        return {(room, attempt): int(holder.rsplit(":", 1)[1]) for room, attempt, holder in found}

    def holder_of(self, room: str) -> int | None:
        """The process id of the worker that holds the room's call; None when none does."""
        query = "SELECT lease_holder FROM calls_call WHERE room_name = %s AND status IN ('connecting', 'in_progress')"
        found = self._ask(query, room)
        return int(found[0][0].rsplit(":", 1)[1]) if found else None

    def beats(self) -> list[Beat]:
        """The workers that are alive."""
        return [Beat(*row) for row in self._ask(BEATS)]

    def empty_slots(self) -> dict[str, int]:
        """By worker that is alive, how many of its slots are taken by calls that no row says it holds."""
        held = dict(self._ask(HELD))
        return {beat.holder: max(0, beat.busy - held.get(beat.holder, 0)) for beat in self.beats()}

    def dead_letters(self) -> int:
        return int(self._ask("SELECT count(*) FROM calls_deadletter")[0][0])
