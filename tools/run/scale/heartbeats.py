"""What the processes say of themselves in PostgreSQL: the heartbeats of workers and of the sweep."""

import os
import socket
from dataclasses import dataclass

import psycopg

from tools.local import Instance

SWEEP = "sweep"
QUERY = """
SELECT holder, slots, busy, draining, extract(epoch FROM clock_timestamp() - seen_at) FROM calls_heartbeat
WHERE seen_at > clock_timestamp() - interval '10 seconds'
"""


@dataclass(frozen=True)
class Beat:
    """The last heartbeat of a process that has been alive within 10 s. `age_s` is its age."""

    slots: int
    busy: int
    draining: bool
    age_s: float


def database_url(instance: Instance) -> str:
    """Where PostgreSQL is: the private one, unless DATABASE_URL names another."""
    return os.environ.get("DATABASE_URL") or instance.database_url


def read(url: str) -> dict[str, Beat]:
    """The heartbeats by holder, host:pid; none when the database is away or has no tables."""
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            rows = connection.execute(QUERY).fetchall()
    except psycopg.Error:
        return {}
    return {holder: Beat(slots, busy, draining, float(age)) for holder, slots, busy, draining, age in rows}


def holder(pid: int) -> str:
    """What a worker of this machine calls itself."""
    return f"{socket.gethostname()}:{pid}"
