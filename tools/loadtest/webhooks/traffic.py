"""Webhooks as LiveKit and Twilio send them, with their quirks: some twice at once, some in the wrong order.

Used by locustfile.py, which sends them. Here is what is sent, and what must be in the database afterwards.
"""

import json
import random
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psycopg
from twilio.request_validator import RequestValidator

from tools.measure.calls.webhooks import event, participant

DOUBLED = 0.1
"""Share of the webhooks that come twice at the same time."""
SWAPPED = 0.1
"""Share of the calls whose caller leaves before LiveKit has told that it joined."""
FINAL = ("completed", "failed", "missed", "rejected")

CALLS = "SELECT room_name, status FROM calls_call WHERE room_name LIKE %s"
EVENTS = (
    "SELECT event_id, count(*) FROM calls_webhookevent WHERE room_name LIKE %s OR event_id LIKE %s GROUP BY event_id"
)
ENDS = """
SELECT call.room_name, count(*) FROM calls_callevent AS event JOIN calls_call AS call ON call.id = event.call_id
WHERE call.room_name LIKE %s AND event.to_status IN ('completed', 'failed', 'missed', 'rejected')
GROUP BY call.room_name
"""


@dataclass(frozen=True)
class Webhook:
    """One event of LiveKit's and how often it is sent at once."""

    kind: str
    room: str
    event_id: str
    body: bytes
    copies: int = 1


def new_prefix() -> str:
    """What the rooms of one run begin with."""
    return f"call-locust-{secrets.token_hex(4)}-"


def one_call(prefix: str, called: str, rng: random.Random) -> list[Webhook]:
    """The webhooks of a caller who rings and hangs up, in the order in which they arrive."""
    room = f"{prefix}{secrets.token_hex(6)}"
    who = participant(f"+1202555{rng.randrange(1000, 9999)}", called)
    kinds = ["room_started", "participant_joined", "participant_left", "room_finished"]
    if rng.random() < SWAPPED:
        kinds[1], kinds[2] = kinds[2], kinds[1]
    found = []
    for kind in kinds:
        body = event(kind, room, who if kind.startswith("participant") else None)
        copies = 2 if rng.random() < DOUBLED else 1
        found.append(Webhook(kind, room, json.loads(body)["id"], body, copies))
    return found


def twilio_call(prefix: str, called: str, rng: random.Random) -> dict[str, str]:
    """The parameters with which Twilio asks what to do with a call."""
    return {
        "AccountSid": f"AC{secrets.token_hex(16)}",
        "CallSid": f"{_sid_prefix(prefix)}{secrets.token_hex(12)}",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": f"+1202555{rng.randrange(1000, 9999)}",
        "To": called,
    }


def twilio_event(parameters: dict[str, str]) -> str:
    """The id under which a status of a call is stored (calls/webhooks/twilio/events.py)."""
    return f"{parameters['CallSid']}:{parameters['CallStatus']}"


def _sid_prefix(prefix: str) -> str:
    """What Twilio's ids of one run begin with: the eight digits of its rooms' prefix."""
    return f"CA{prefix.split('-')[2]}"


def twilio_headers(url: str, parameters: dict[str, str], token: str) -> dict[str, str]:
    """The headers of Twilio's request to this public address: https://www.twilio.com/docs/usage/security."""
    signature = RequestValidator(token).compute_signature(url, parameters)
    return {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Ledger:
    """What was sent and what the web process has answered with 200, to be compared with what is stored."""

    sent: set[str] = field(default_factory=set)
    """Rooms of which anything was sent."""
    taken: set[str] = field(default_factory=set)
    """Ids of the events that were answered."""
    joined: set[str] = field(default_factory=set)
    """Rooms whose caller's arrival was answered."""
    finished: set[str] = field(default_factory=set)
    """Rooms of which every event was answered."""

    def problems(
        self, calls: Sequence[tuple[str, str]], events: Iterable[tuple[str, int]], ends: Iterable[tuple[str, int]]
    ) -> list[str]:
        """What is lost or doubled, in words.

        `calls` are the stored rooms with their states, `events` the stored event ids and how often each is there,
        `ends` how often each room's call came to an end.
        """
        rows = Counter(room for room, _ in calls)
        stored = dict(events)
        live = [room for room, status in calls if room in self.finished and status not in FINAL]
        checks = {
            "calls lost": self.joined - rows.keys(),
            "calls doubled": [room for room, count in rows.items() if count > 1],
            "calls that nobody placed": rows.keys() - self.sent,
            "calls not ended": live,
            "calls ended twice": [room for room, count in ends if count > 1],
            "webhooks lost": self.taken - stored.keys(),
            "webhooks stored twice": [key for key, count in stored.items() if count > 1],
        }
        return [f"{len(found)} {what}, such as {sorted(found)[0]}" for what, found in checks.items() if found]


def compare(ledger: Ledger, database_url: str, prefix: str) -> list[str]:
    """What is lost or doubled. Raises psycopg.Error when the database is unavailable."""
    rooms = [f"{prefix}%"]
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        return ledger.problems(
            connection.execute(CALLS, rooms).fetchall(),
            connection.execute(EVENTS, [*rooms, f"{_sid_prefix(prefix)}%"]).fetchall(),
            connection.execute(ENDS, rooms).fetchall(),
        )
