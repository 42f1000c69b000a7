"""What must hold whatever happens. Each invariant is a function from the evidence to its breaches."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tools.chaos.calls.conversation import MAY_RECUR
from tools.chaos.checks.outcomes import nobody_cut_off, undisturbed_calls_succeed, why_is_true
from tools.chaos.checks.sampled import caller_present, no_empty_slot, no_strange_room, one_agent
from tools.chaos.evidence.records import FINAL, Evidence

CLAIMED = "connecting"
OVERLAP_S = 0.5  # a turn's times are taken by ear, a claim's by the database's transaction
ITEM = re.compile(r"(?:you have the|The) (\w+ \w+)(?:\?| is here)")  # tools/chaos/calls/conversation.py


@dataclass(frozen=True)
class Breach:
    """An invariant that does not hold; `room` is the call's, empty when it is none's."""

    invariant: str
    room: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {f'{self.room}: ' if self.room else ''}{self.what}"


type Found = Iterator[tuple[str, str]]
"""Room and what is wrong there."""


def one_owner(evidence: Evidence) -> Found:
    """Claims count up by one, and nothing of an older attempt is written after a newer claim."""
    for row in evidence.rows:
        claims = [event for event in row.events if event.kind == CLAIMED]
        attempts = [claim.attempt for claim in claims]
        if attempts != list(range(1, row.attempt + 1)):
            yield row.room, f"claimed as attempts {attempts}, and the row says {row.attempt}"
        newest = 0
        for event in row.events:
            if event.kind == CLAIMED:
                newest = max(newest, event.attempt)
            elif 0 < event.attempt < newest:
                yield row.room, f"attempt {event.attempt} wrote {event.kind!r} after attempt {newest} had the call"
        for claim in claims:
            for turn in row.turns:
                if turn.started_at < claim.at - OVERLAP_S and claim.at + OVERLAP_S < turn.ended_at:
                    yield row.room, f"turn {turn.number} goes on after attempt {claim.attempt} had the call"


def no_turn_lost(evidence: Evidence) -> Found:
    """Turns are numbered from 1 without a gap."""
    for row in evidence.rows:
        numbers = [turn.number for turn in row.turns]
        if numbers != list(range(1, len(numbers) + 1)):
            yield row.room, f"turns are numbered {numbers}"


def nothing_waits(evidence: Evidence) -> Found:
    """No call is queued, and no message is left in the queues or among the dead letters."""
    for row in evidence.rows:
        if row.status == "queued":
            yield row.room, "still queued"
    for name, count in evidence.standing.messages.items():
        if count:
            yield "", f"{count} messages in the queue {name}"
    if evidence.standing.dead_letters:
        yield "", f"{evidence.standing.dead_letters} dead letters"


def every_call_ended(evidence: Evidence) -> Found:
    """Every call is in a final state, with a reason."""
    for row in evidence.rows:
        if row.status not in FINAL or row.ended_at is None:
            yield row.room, f"is {row.status}"
        elif not row.end_reason:
            yield row.room, f"is {row.status} without a reason"


def nothing_said_twice(evidence: Evidence) -> Found:
    """No sentence of the agent stands twice in a call.

    But those that are meant for more than one occasion, and an answer, or the part of it that was heard before an
    interruption, as often as its question was understood.
    """
    may_recur = {sentence for text in MAY_RECUR for sentence in _sentences(text)}
    talk_of = {placed.room: placed.call.talk for placed in evidence.placed}
    for row in evidence.rows:
        said = Counter(sentence for turn in row.turns if turn.speaker == "agent" for sentence in _sentences(turn.text))
        talk = talk_of.get(row.room)
        asked = sum(turn.speaker == "caller" and talk is not None and talk.question in turn.text for turn in row.turns)
        for sentence, times in said.items():
            allowed = max(1, asked) if talk is not None and talk.answer.startswith(sentence) else 1
            if times > allowed and sentence not in may_recur:
                yield row.room, f"the agent said {sentence!r} {times} times"


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in re.split(r"(?<=[.?!])\s+", text) if sentence.strip()]


def nothing_of_another_call(evidence: Evidence) -> Found:
    """In a call nobody asks or answers what belongs to another."""
    talk_of = {placed.room: placed.call.talk for placed in evidence.placed}
    for row in evidence.rows:
        for turn in row.turns:
            for item in ITEM.findall(turn.text):
                if row.room in talk_of and item != talk_of[row.room].keyword:
                    yield row.room, f"turn {turn.number} is about the {item}, not the {talk_of[row.room].keyword}"


def everyone_accounted_for(evidence: Evidence) -> Found:
    """Who heard an agent has a row, and a row has a caller; every call was placed, and every caller came to an end."""
    if len(evidence.placed) != evidence.calls:
        yield "", f"{len(evidence.placed)} calls were placed, not {evidence.calls}, before the run's time was over"
    rows = {row.room for row in evidence.rows}
    callers = {placed.room for placed in evidence.placed}
    for placed in evidence.placed:
        if placed.answered and placed.room not in rows:
            yield placed.room, "an agent was heard, but there is no row"
        if placed.report is None and placed.left_at is None and not placed.killed:
            yield placed.room, f"no report of the caller: {placed.error or 'it never ended'}"
    for room in sorted(rows - callers):
        yield room, "a row without a caller"


def every_slot_free(evidence: Evidence) -> Found:
    """Every worker lives and none holds a call."""
    beats = evidence.standing.beats
    if len(beats) != evidence.workers:
        yield "", f"{len(beats)} workers are alive, not {evidence.workers}"
    for beat in beats:
        if beat.busy:
            yield "", f"{beat.holder} has {beat.busy} busy slots"


def nothing_on_disk(evidence: Evidence) -> Found:
    """Everything that was spooled is written."""
    for name in evidence.standing.spooled:
        yield "", f"{name} is left"


def faults_passed(evidence: Evidence) -> Found:
    """What was broken on purpose came back, and a worker that was asked to stop did."""
    for caused in evidence.caused:
        if caused.problem:
            yield caused.room, f"{caused.fault}: {caused.problem}"


def no_worker_ended(evidence: Evidence) -> Found:
    """No worker ends that was not killed or stopped."""
    for what in evidence.ended:
        yield "", f"ended by itself: {what}"


def no_tool_repeated(evidence: Evidence) -> Found:
    """An attempt asks a tool once: the caller asks for it once."""
    for row in evidence.rows:
        asked = Counter(event.attempt for event in row.events if event.kind in ("tool_called", "tool_failed"))
        for attempt, times in asked.items():
            if times > 1:
                yield row.room, f"attempt {attempt} used the tool {times} times"


INVARIANTS: Mapping[str, Callable[[Evidence], Found]] = {
    "one owner at a time": one_owner,
    "one agent in a room": one_agent,
    "no turn is lost": no_turn_lost,
    "no live call without its caller": caller_present,
    "no room without its call": no_strange_room,
    "nothing waits": nothing_waits,
    "every call has ended with a reason": every_call_ended,
    "every row is true": why_is_true,
    "nobody is cut off": nobody_cut_off,
    "no worker ends by itself": no_worker_ended,
    "no slot is held by nobody": no_empty_slot,
    "no tool is used twice": no_tool_repeated,
    "nothing is said twice": nothing_said_twice,
    "every call has its own words": nothing_of_another_call,
    "every caller is accounted for": everyone_accounted_for,
    "every slot is free": every_slot_free,
    "nothing is left on disk": nothing_on_disk,
    "what was broken came back": faults_passed,
    "undisturbed calls succeed": undisturbed_calls_succeed,
}


def breaches(evidence: Evidence) -> list[Breach]:
    """Every breach, in the order of the invariants."""
    return [Breach(name, room, what) for name, holds in INVARIANTS.items() for room, what in holds(evidence)]
