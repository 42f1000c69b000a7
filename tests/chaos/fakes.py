"""A run in which everything went well, and its parts with something wrong in them."""

from dataclasses import replace
from typing import Any

from tools.chaos.calls.behavior import Behavior
from tools.chaos.calls.conversation import GREETING
from tools.chaos.calls.placing import Placed
from tools.chaos.calls.plan import Fault, plan
from tools.chaos.evidence.records import (
    Agent,
    Beat,
    CallRow,
    Caused,
    EventRow,
    Evidence,
    RoomSeen,
    Sample,
    Standing,
    TurnRow,
)

BEGAN = 1_000.0
[CALL, OTHER] = [replace(call, behavior=Behavior.ASKS, leaving=None) for call in plan(2, share=0, seed=1)]
CALLER = f"sip_{CALL.from_number}"


def placed(**values: Any) -> Placed:
    """A caller who was greeted, asked, was answered and hung up."""
    report = {
        "answered": True,
        "every_reply_heard": True,
        "agent_spoke": [(1.0, 2.5), (4.0, 5.5)],
        "utterances": [{"reply_expected": True, "reply_heard": True}],
        "ended_by": "caller",
        "end_detail": "the scenario is over",
    }
    return replace(Placed(CALL, joined_at=BEGAN, ended_at=BEGAN + 6.5, report=report), **values)


def claimed(attempt: int, at: float) -> EventRow:
    """A slot took the call."""
    return EventRow("connecting", attempt, at, holder=f"host:{100 + attempt}")


def event(kind: str, attempt: int, at: float) -> EventRow:
    """Something that an attempt wrote."""
    return EventRow(kind, attempt, at)


def agent_turn(number: int, text: str, at: float = BEGAN + 1) -> TurnRow:
    """The agent says something for a second."""
    return TurnRow(number, "agent", text, at, at + 1)


def row(**values: Any) -> CallRow:
    """The row of that call."""
    ok = CallRow(
        room=CALL.room,
        status="completed",
        end_reason="caller_left",
        attempt=1,
        created_at=BEGAN,
        ended_at=BEGAN + 6.5,
        events=[
            event("queued", 0, BEGAN),
            claimed(1, BEGAN + 0.1),
            event("in_progress", 1, BEGAN + 0.9),
            event("completed", 1, BEGAN + 6.5),
        ],
        turns=[
            agent_turn(1, GREETING, BEGAN + 1),
            TurnRow(2, "caller", CALL.talk.question, BEGAN + 2.8, BEGAN + 3.8),
            agent_turn(3, CALL.talk.answer, BEGAN + 4),
        ],
    )
    return replace(ok, **values)


def seen(*agents: Agent, status: str = "in_progress", caller: bool = True) -> RoomSeen:
    """The call's room."""
    people = {f"agent-{agent.attempt}" for agent in agents} | ({CALLER} if caller else set())
    return RoomSeen(frozenset(people), agents, status)


def sample(after_s: float, room: RoomSeen | None, live: bool = True) -> Sample:
    """A look at LiveKit and the database, so long after the beginning."""
    return Sample(BEGAN + after_s, {CALL.room: room} if room else {}, {CALL.room: CALLER} if live else {})


FIRST_AGENT = Agent(attempt=1, publishes=True, lives=True)
SAMPLES = [sample(2.0 * number, seen(FIRST_AGENT)) for number in range(4)]
STANDING = Standing(messages={"calls": 0, "calls.dead": 0}, beats=[Beat("host:1", 0), Beat("host:2", 0)])


def evidence(**values: Any) -> Evidence:
    """A run of one call, without a fault."""
    return replace(Evidence(1, [placed()], [row()], SAMPLES, [], STANDING, workers=2), **values)


def behaving(behavior: Behavior, **values: Any) -> Placed:
    """The caller of that call, who behaves so."""
    return placed(call=replace(CALL, behavior=behavior), **values)


def hung_up_on() -> Placed:
    """A caller on whom the agent hung up."""
    report = placed().report
    assert report is not None
    return placed(report=report | {"ended_by": "agent"})


def caused(fault: Fault, began_s: float, ended_s: float, room: str = CALL.room, problem: str = "") -> Caused:
    """A fault, from and to seconds after the beginning."""
    return Caused(fault, room, BEGAN + began_s, BEGAN + ended_s, problem)
