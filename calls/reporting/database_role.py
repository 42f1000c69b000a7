"""What the dashboards' own role may read in PostgreSQL: times and numbers of calls, never who called or what was said.

Whoever runs the server makes the role (`tools/local`, docker/postgres, or an administrator: see docs/SETUP.md). Every
`migrate` gives it the columns below and nothing else, so that a new table or column is closed until it is named here.
"""

from typing import Any

from django.db import connections
from psycopg import sql

READER = "callcenter_reader"
COLUMNS: dict[str, tuple[str, ...]] = {
    # Without numbers, identities and the room's name, in which LiveKit puts the caller's number.
    "calls_call": (
        *("id", "status", "end_reason", "phone_number_id", "persona_version_id", "attempt", "losses", "overflowed"),
        "after_hours",
        *("created_at", "queued_at", "claimed_at", "answered_at", "ended_at"),
    ),
    "calls_turn": (
        *("id", "call_id", "number", "speaker", "started_at", "ended_at", "interrupted", "reply_ms"),
        *("stt_ms", "end_of_turn_ms", "llm_ms", "tts_ms", "transport_ms"),
    ),
    # Without the detail: keys that a caller pressed stand there.
    "calls_callevent": ("id", "call_id", "kind", "at", "to_status", "attempt"),
    "calls_heartbeat": ("id", "holder", "slots", "busy", "draining", "beating_since", "seen_at"),
    "calls_phonenumber": ("id", "e164", "label", "persona_id", "is_active", "max_calls"),
    "agents_persona": ("id", "name"),
    "agents_personaversion": ("id", "persona_id", "number", "stt_model", "llm_model", "tts_model"),
}


def grant(using: str = "default") -> bool:
    """Give the role these columns, and take everything else from it. False when there is no such role."""
    reader = sql.Identifier(READER)
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER])
        if cursor.fetchone() is None:
            return False
        cursor.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(reader))
        for table, columns in _existing(cursor).items():
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            cursor.execute(sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(names, sql.Identifier(table), reader))
    return True


def _existing(cursor: Any) -> dict[str, list[str]]:
    """The columns that are there: a migration may have been undone."""
    cursor.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = ANY(%s)",
        [list(COLUMNS)],
    )
    found: dict[str, list[str]] = {}
    for table, column in cursor.fetchall():
        if column in COLUMNS[table]:
            found.setdefault(table, []).append(column)
    return found


def grant_after_migrate(*, using: str, plan: Any = None, **_: Any) -> None:
    """Receives `post_migrate`, which Django also sends after it has emptied the tables: then without a plan."""
    if plan is not None:
        grant(using)
