"""What a run leaves to be judged: rows, callers' reports, samples, faults, and what stands when all is quiet.

All times are seconds since the epoch; every process runs on this one machine, so their clocks are one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tools.chaos.calls.placing import Placed
from tools.chaos.calls.plan import Fault

FINAL = frozenset({"completed", "failed", "missed", "rejected"})


@dataclass(frozen=True)
class EventRow:
    """A call's event, in the order in which the rows were written. `attempt` 0: of no attempt."""

    kind: str
    attempt: int
    at: float
    holder: str = ""


@dataclass(frozen=True)
class TurnRow:
    """One utterance. `speaker` is caller or agent."""

    number: int
    speaker: str
    text: str
    started_at: float
    ended_at: float
    interrupted: bool = False


@dataclass(frozen=True)
class CallRow:
    """A call with its history: events as they were written, turns by number."""

    room: str
    status: str
    end_reason: str
    attempt: int
    created_at: float
    ended_at: float | None
    events: Sequence[EventRow] = ()
    turns: Sequence[TurnRow] = ()


@dataclass(frozen=True)
class Agent:
    """An agent in a room. `lives`: its process does, and is not frozen."""

    attempt: int
    publishes: bool
    lives: bool


@dataclass(frozen=True)
class RoomSeen:
    """An open room at one moment. `status` is that of its call's row, empty without one."""

    people: frozenset[str] = frozenset()
    agents: Sequence[Agent] = ()
    status: str = ""


@dataclass(frozen=True)
class Sample:
    """LiveKit and the database at one moment: open rooms, and live calls with the caller's identity by room.

    `empty_slots` is how many slots of each worker are taken although no live row says that the worker holds its call.
    """

    at: float
    rooms: Mapping[str, RoomSeen]
    live: Mapping[str, str]
    empty_slots: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Beat:
    """The heartbeat of a worker process that was seen within its lease."""

    holder: str
    busy: int


@dataclass(frozen=True)
class Standing:
    """What is there once everything should be over."""

    rooms: Mapping[str, RoomSeen] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    beats: Sequence[Beat] = ()
    spooled: Sequence[str] = ()


@dataclass
class Caused:
    """A fault that was caused, for the call in `room`.

    `ended_at` is None while it lasts; `problem` says what could not be mended.
    """

    fault: Fault
    room: str
    began_at: float
    ended_at: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything that the invariants look at.

    `calls` is how many were to be placed, `workers` how many of them should be running at the end, `ended` those that
    ended by themselves.
    """

    calls: int
    placed: Sequence[Placed]
    rows: Sequence[CallRow]
    samples: Sequence[Sample]
    caused: Sequence[Caused]
    standing: Standing
    workers: int
    ended: Sequence[str] = ()
