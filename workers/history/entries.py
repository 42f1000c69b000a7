"""What a call writes, as plain data, and how each kind of it goes into the database."""

import itertools
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

from calls.lifecycle import corrections, services
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


type Numbered = tuple[int, Entry]


def batches(entries: Iterable[Numbered]) -> list[list[Numbered]]:
    """Numbered entries, split into what is written in one transaction: history, or one change of state.

    Each call's entries stay in their order; calls do not wait for each other. What stands before the first change of
    state is written for all calls at once: with a slow database, one end would wait for the history of each of them.
    """
    beginnings: list[Numbered] = []
    found = []
    for of_one_call in by_call(entries):
        for is_history, group in itertools.groupby(of_one_call, key=lambda numbered: numbered[1].kind in HISTORY):
            run = list(group)
            if is_history and run[0] is of_one_call[0]:
                beginnings += run
            else:
                found += [run] if is_history else [[numbered] for numbered in run]
    return [beginnings, *found] if beginnings else found


def by_call(entries: Iterable[Numbered]) -> list[list[Numbered]]:
    """The entries of each call's attempt, in their order."""
    calls: dict[tuple[str, int], list[Numbered]] = {}
    for numbered in entries:
        calls.setdefault((numbered[1].call_id, numbered[1].attempt), []).append(numbered)
    return list(calls.values())


def write(batch: Sequence[Numbered]) -> dict[int, Outcome]:
    """Write a batch; nothing of a call that has moved on from its attempt, or was erased. Returns outcomes by number.

    Turns of an older attempt are not added afterwards: the agent that took over has never heard of them, and their
    numbers are its own turns' by now.
    """
    number, first = batch[0]
    if first.kind in HISTORY:
        return _write_histories(batch)
    call_id, attempt, fields = uuid.UUID(first.call_id), first.attempt, first.fields
    if first.kind == "ended":
        return {number: _end(call_id, attempt, fields)}
    at = datetime.fromisoformat(fields["at"])
    written = services.answer_call(call_id, attempt, at) or corrections.answered(call_id, attempt, at)
    return {number: Outcome.WRITTEN if written else Outcome.MOVED_ON}


def _write_histories(batch: Sequence[Numbered]) -> dict[int, Outcome]:
    histories = {}
    for of_one_call in by_call(batch):
        entries = [entry for _, entry in of_one_call]
        call_id, attempt = uuid.UUID(entries[0].call_id), entries[0].attempt
        histories[call_id, attempt] = services.History(
            [Turn(call_id=call_id, **e.fields) for e in entries if e.kind == "turn"],
            [CallEvent(call_id=call_id, attempt=attempt, **e.fields) for e in entries if e.kind == "event"],
        )
    written = services.write_histories(histories)
    return {
        number: Outcome.WRITTEN if (uuid.UUID(entry.call_id), entry.attempt) in written else Outcome.MOVED_ON
        for number, entry in batch
    }


def _end(call_id: uuid.UUID, attempt: int, fields: dict[str, Any]) -> Outcome:
    """End the call. It may already have this very end: a commit's response was lost, or another process saw it."""
    at = datetime.fromisoformat(fields["at"])
    status, reason, detail = Status(fields["status"]), EndReason(fields["reason"]), fields["detail"]
    if services.end_call(call_id, status, reason, attempt=attempt, detail=detail, at=at):
        return Outcome.WRITTEN
    if corrections.ended(call_id, attempt, status, reason, detail=detail, at=at):
        return Outcome.WRITTEN
    row = Call.objects.filter(pk=call_id).values_list("status", "end_reason", "attempt").first()
    if row == (status, reason, attempt):
        return Outcome.WRITTEN
    return Outcome.ENDED_BEFORE if row is None or row[0] in FINAL else Outcome.MOVED_ON
