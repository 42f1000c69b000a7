"""What a call writes, as plain data, and how each kind of it goes into the database."""

import itertools
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

from calls.lifecycle import services
from calls.models import Call, CallEvent, Turn
from calls.states import FINAL, EndReason, Status

Kind = Literal["answered", "turn", "event", "ended"]
HISTORY = frozenset({"turn", "event"})


class Outcome(Enum):
    """What became of an entry that the database took."""

    WRITTEN = auto()
    ENDED_BEFORE = auto()
    """An end that is not the call's: another process was first."""
    MOVED_ON = auto()
    """Not written, because the call continues without this attempt, or was erased."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened in a call. `fields` is JSON; times in it are ISO 8601 with a zone.

    It may be written twice without harm, since the outcome of a write is not known when the connection is lost during
    its commit: a turn has its number, an event its key, and a state is entered once.
    """

    kind: Kind
    call_id: str
    attempt: int
    fields: dict[str, Any]

    def as_line(self) -> str:
        """The entry as one line of JSON, in ASCII. What JSON does not know becomes text."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_line(cls, line: str) -> "Entry":
        """Read what `as_line` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        return cls(**json.loads(line))


def batches(entries: Iterable[tuple[int, Entry]]) -> list[list[tuple[int, Entry]]]:
    """Numbered entries, split into what is written in one transaction: history of one call, or one change of state.

    Each call's entries stay in their order; calls do not wait for each other.
    """
    by_call: dict[tuple[str, int], list[tuple[int, Entry]]] = {}
    for number, entry in entries:
        by_call.setdefault((entry.call_id, entry.attempt), []).append((number, entry))
    found = []
    for of_one_call in by_call.values():
        for is_history, group in itertools.groupby(of_one_call, key=lambda numbered: numbered[1].kind in HISTORY):
            run = list(group)
            found += [run] if is_history else [[numbered] for numbered in run]
    return found


def write(entries: Sequence[Entry]) -> Outcome:
    """Write a batch, or none of it if the call has moved on from its attempt, or was erased.

    Turns of an older attempt are not added afterwards: the agent that took over has never heard of them, and their
    numbers are its own turns' by now.
    """
    first = entries[0]
    call_id, attempt, fields = uuid.UUID(first.call_id), first.attempt, first.fields
    match first.kind:
        case "answered":
            written = services.answer_call(call_id, attempt, datetime.fromisoformat(fields["at"]))
        case "ended":
            return _end(call_id, attempt, fields)
        case _:
            turns = [Turn(call_id=call_id, **e.fields) for e in entries if e.kind == "turn"]
            events = [CallEvent(call_id=call_id, attempt=attempt, **e.fields) for e in entries if e.kind == "event"]
            written = services.write_history(call_id, attempt, turns, events)
    return Outcome.WRITTEN if written else Outcome.MOVED_ON


def _end(call_id: uuid.UUID, attempt: int, fields: dict[str, Any]) -> Outcome:
    """End the call. It may already have this very end: a commit's response was lost, or another process saw it."""
    at = datetime.fromisoformat(fields["at"])
    status, reason = Status(fields["status"]), EndReason(fields["reason"])
    if services.end_call(call_id, status, reason, attempt=attempt, detail=fields["detail"], at=at):
        return Outcome.WRITTEN
    row = Call.objects.filter(pk=call_id).values_list("status", "end_reason", "attempt").first()
    if row == (status, reason, attempt):
        return Outcome.WRITTEN
    return Outcome.ENDED_BEFORE if row is None or row[0] in FINAL else Outcome.MOVED_ON
