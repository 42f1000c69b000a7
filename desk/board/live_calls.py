"""The live calls, as the desk shows them: read in one query, however many people watch."""

import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject, Left, Now
from django.utils import timezone

from agents.models import Persona
from calls.models import Call, CallEvent, Supervision, Turn
from calls.models.history import Speaker
from calls.phone import masked
from calls.reporting.narrative import readable_number
from calls.reporting.short_text import short_caller, short_number
from calls.states import Direction, Floor, Status
from desk.board.trouble import EVENTS, RECENT, Said, mood, trouble

UTTERANCES = 4
"""So many of the latest are looked at: two of each side."""
LONGEST_TEXT = 200
MOST_CALLS = 500
"""Shown at once; of more, the oldest."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A row of the desk. `since` is when its state began to count for the caller: the answer, or the first ring.

    `position` is the caller's place among those who wait, from 1; None when somebody is there. `watched_by` are the
    supervisors in the call, by their user names.
    """

    id: uuid.UUID
    status: str
    state: str
    since: datetime
    position: int | None
    caller: str
    masked_caller: str
    number_id: int | None
    number: str
    persona_id: int | None
    persona: str
    is_test: bool
    speaker_name: str
    words: str
    reply_ms: int | None
    watched_by: tuple[str, ...]
    trouble: tuple[str, ...]
    mood: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """All live calls: those in trouble first, then in the order of their arrival; who waits comes last."""

    calls: tuple[LiveCall, ...]

    @property
    def waiting(self) -> int:
        return sum(call.position is not None for call in self.calls)


def read_board() -> Board:
    """Read the live calls. One query."""
    now = timezone.now()
    rows = Call.objects.live().select_related("phone_number", "persona_version__persona")
    told = {"latest": _latest_turns(), "recent": _recent_events(), "watchers": _watchers()}
    rows = rows.annotate(**told).order_by("created_at")[:MOST_CALLS]
    positions = itertools.count(1)
    calls = [_live_call(row, next(positions) if row.status == Status.QUEUED else None, now) for row in rows]
    return Board(tuple(sorted(calls, key=lambda call: (call.position or 0, not call.trouble))))


def _latest_turns() -> ArraySubquery:
    said = JSONObject(speaker="speaker", text=Left("text", LONGEST_TEXT), ended_at="ended_at", reply_ms="reply_ms")
    turns = Turn.objects.filter(call=OuterRef("pk")).order_by("-number")
    return ArraySubquery(turns.values(said=said)[:UTTERANCES])


def _recent_events() -> ArraySubquery:
    events = CallEvent.objects.filter(call=OuterRef("pk"), kind__in=EVENTS, at__gt=Now() - RECENT)
    return ArraySubquery(events.order_by("at").values("kind"))


def _watchers() -> ArraySubquery:
    there = Supervision.objects.present().filter(call=OuterRef("pk"))
    return ArraySubquery(there.order_by("user__username").values("user__username").distinct())


def _live_call(row: Any, position: int | None, now: datetime) -> LiveCall:
    last = [_said(values) for values in row.latest]
    persona = row.persona_version.persona if row.persona_version else None
    return LiveCall(
        id=row.pk,
        status=row.status,
        state=_state(row),
        since=row.answered_at or row.created_at,
        position=position,
        caller=short_caller(row, readable_number),
        masked_caller=short_caller(row, masked),
        number_id=row.phone_number_id,
        number=short_number(row),
        persona_id=persona.pk if persona else None,
        persona=persona.name if persona else "–",
        is_test=row.is_test,
        speaker_name=_speaker_name(last[0].speaker, persona) if last else "",
        words=last[0].text if last else "",
        reply_ms=next((said.reply_ms for said in last if said.reply_ms is not None), None),
        watched_by=tuple(row.watchers),
        trouble=tuple(trouble(row, last, row.recent, now)),
        mood=tuple(mood(last)),
    )


def _speaker_name(speaker: str, persona: Persona | None) -> str:
    return persona.name if speaker == Speaker.AGENT and persona else str(Speaker(speaker).label)


def _said(values: Mapping[str, Any]) -> Said:
    ended_at = datetime.fromisoformat(values["ended_at"])
    return Said(values["speaker"], values["text"], ended_at, values["reply_ms"])


def _state(row: Call) -> str:
    if row.floor == Floor.SUPERVISOR:
        return "With a supervisor"
    if row.status == Status.IN_PROGRESS:
        return "Talking"
    if row.status == Status.QUEUED:
        return "Waiting again" if row.answered_at else "Waiting"
    return "Dialing" if row.direction == Direction.OUTBOUND and row.answered_at is None else "Agent joins"
