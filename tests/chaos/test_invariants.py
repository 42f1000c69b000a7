"""Each invariant of the chaos soak finds its breach, and nothing in what is right."""

from dataclasses import replace
from typing import Any

import pytest

from agents.models import PersonaVersion
from agents.phrases import ENGLISH
from calls.states import FINAL
from tests.chaos.fakes import (
    BEGAN,
    CALL,
    FIRST_AGENT,
    OTHER,
    SAMPLES,
    STANDING,
    agent_turn,
    behaving,
    caused,
    claimed,
    event,
    evidence,
    hung_up_on,
    placed,
    row,
    sample,
    seen,
)
from tools.chaos.calls.behavior import Behavior
from tools.chaos.calls.conversation import GREETING, MAY_RECUR
from tools.chaos.calls.plan import Fault
from tools.chaos.checks.invariants import INVARIANTS, breaches
from tools.chaos.evidence.records import FINAL as FINAL_STATES
from tools.chaos.evidence.records import Agent, Beat, Caused, Evidence, TurnRow

ROW = row()
LOST_THEN_RESUMED = [claimed(1, BEGAN), event("agent_lost", 1, BEGAN + 5), claimed(2, BEGAN + 6)]
SECOND_AGENT = Agent(attempt=2, publishes=True, lives=True)
TWO_AGENTS = seen(FIRST_AGENT, SECOND_AGENT)
HUNG_UP_ON = hung_up_on().report
GAVE_UP = row(status="missed", end_reason="caller_gave_up", turns=[])
TOOL_OF_EACH = [event("tool_failed", 2, BEGAN + 7)]
A_FAULT = caused(Fault.WORKER_KILLED, 0, 5)
A_KILL = caused(Fault.WORKER_KILLED, -60, -50, OTHER.room)


LONG = [sample(2.0 * number, seen(FIRST_AGENT)) for number in range(17)]


def rows(*found: Any, **values: Any) -> Evidence:
    return evidence(rows=list(found), caused=[caused(Fault.WORKER_KILLED, 0, 5)], **values)


def standing(**values: Any) -> Evidence:
    return evidence(standing=replace(STANDING, **values))


# By the invariant: what breaches it, and a part of what is said about it.
ASKED_TWICE = [*ROW.turns[:2], agent_turn(3, "The amber"), replace(ROW.turns[1], number=4)]
"""The recognizer gives the question again, while its answer is heard."""

BREACHES: dict[str, list[tuple[Evidence, str]]] = {
    "one owner at a time": [
        (rows(row(events=[claimed(1, BEGAN), claimed(3, BEGAN + 5)], attempt=3)), "claimed as attempts [1, 3]"),
        (rows(row(events=[claimed(1, BEGAN), claimed(1, BEGAN)], attempt=1)), "claimed as attempts [1, 1]"),
        (rows(row(attempt=2)), "claimed as attempts [1], and the row says 2"),
        (
            rows(row(events=[*LOST_THEN_RESUMED, event("dtmf", 1, BEGAN + 4)], attempt=2, turns=[])),
            "attempt 1 wrote 'dtmf' after attempt 2",
        ),
        (
            rows(row(events=LOST_THEN_RESUMED, attempt=2, turns=[TurnRow(1, "agent", "Hi.", BEGAN + 5, BEGAN + 7)])),
            "turn 1 goes on after attempt 2",
        ),
    ],
    "one agent in a room": [
        (evidence(samples=[sample(0, TWO_AGENTS), sample(2, TWO_AGENTS)]), "agent 1 lives and speaks"),
    ],
    "no turn is lost": [(rows(row(turns=[agent_turn(1, GREETING), agent_turn(3, "Yes.")])), "numbered [1, 3]")],
    "no live call without its caller": [
        (evidence(samples=[sample(2.0 * n, seen(FIRST_AGENT, caller=False)) for n in range(17)]), "live for 32 s"),
        (evidence(samples=[sample(2.0 * n, None) for n in range(17)]), "live for 32 s"),
    ],
    "no room without its call": [
        (
            evidence(samples=[sample(2.0 * n, seen(status=""), live=False) for n in range(17)]),
            "for 32 s without a live",
        ),
        (evidence(samples=[sample(2.0 * n, seen(status="failed"), live=False) for n in range(17)]), "for 32 s"),
        (standing(rooms={CALL.room: seen(status="", caller=False)}), "open at the end, without a row"),
    ],
    "nothing waits": [
        (rows(row(status="queued", end_reason="", ended_at=None)), "still queued"),
        (standing(messages={"calls": 2, "calls.dead": 0}), "2 messages in the queue calls"),
        (standing(messages={"calls": 0, "calls.dead": 1}), "1 messages in the queue calls.dead"),
        (standing(dead_letters=1), "1 dead letters"),
    ],
    "every call has ended with a reason": [
        (rows(row(status="in_progress", end_reason="", ended_at=None)), "is in_progress"),
        (rows(row(status="failed", end_reason="")), "is failed without a reason"),
    ],
    "every row is true": [
        (evidence(placed=[hung_up_on()]), "the row says caller_left, but the agent hung up"),
        (evidence(rows=[row(status="failed", end_reason="room_gone")]), "says room_gone, but the caller hung up"),
    ],
    "nobody is cut off": [
        (evidence(placed=[hung_up_on()], rows=[]), "the caller was cut off: no row"),
        (evidence(placed=[hung_up_on()], rows=[row(status="failed", end_reason="agent_lost")]), "cut off: agent_lost"),
        (rows(row(status="failed", end_reason="room_gone"), placed=[hung_up_on()]), "cut off: room_gone"),
    ],
    "no worker ends by itself": [(evidence(ended=["worker2: FFI Panic"]), "ended by itself: worker2: FFI Panic")],
    "no slot is held by nobody": [
        (
            evidence(samples=[replace(one, empty_slots={"host:1": 1}) for one in LONG]),
            "host:1 had a slot taken by no call for 32 s",
        )
    ],
    "no tool is used twice": [
        (rows(row(events=[*ROW.events, event("tool_failed", 1, BEGAN), event("tool_called", 1, BEGAN)])), "2 times"),
    ],
    "nothing is said twice": [
        (rows(row(turns=[*ROW.turns, agent_turn(4, CALL.talk.answer)])), f"said {CALL.talk.answer!r} 2 times"),
        (rows(row(turns=[*ROW.turns, agent_turn(4, f"{ENGLISH.resumed} {GREETING}")])), f"said {GREETING!r} 2 times"),
        (
            rows(row(turns=[*ASKED_TWICE, agent_turn(5, "The amber"), agent_turn(6, "The amber")])),
            "'The amber' 3 times",
        ),
    ],
    "every call has its own words": [
        (rows(row(turns=[*ROW.turns[:2], agent_turn(3, OTHER.talk.answer)])), f"about the {OTHER.talk.keyword}"),
        (rows(row(turns=[TurnRow(1, "caller", OTHER.talk.question, BEGAN, BEGAN + 1)])), OTHER.talk.keyword),
    ],
    "every caller is accounted for": [
        (rows(), "an agent was heard, but there is no row"),
        (evidence(calls=2), "1 calls were placed, not 2"),
        (evidence(placed=[placed(report=None, error="cannot reach LiveKit")]), "cannot reach LiveKit"),
        (rows(row(), row(room="call-of-nobody")), "a row without a caller"),
    ],
    "every slot is free": [
        (standing(beats=[Beat("host:1", 0)]), "1 workers are alive, not 2"),
        (standing(beats=[Beat("host:1", 0), Beat("host:2", 1)]), "host:2 has 1 busy slots"),
    ],
    "nothing is left on disk": [(standing(spooled=["host-12.sqlite3"]), "host-12.sqlite3 is left")],
    "what was broken came back": [
        (evidence(caused=[caused(Fault.RABBITMQ_RESTARTED, 0, 5, problem="RabbitMQ ended while starting")]), "ended"),
    ],
    "undisturbed calls succeed": [
        (evidence(rows=[row(status="failed", end_reason="room_gone")]), "failed: room_gone"),
        (evidence(placed=[placed(report=None, killed=True)]), "heard no reply"),
        (evidence(rows=[row(status="failed", end_reason="room_gone")], caused=[A_KILL]), "failed: room_gone"),
    ],
}


def test_a_run_in_which_everything_went_well_breaches_nothing() -> None:
    assert breaches(evidence()) == []


def test_every_invariant_has_a_breach_here() -> None:
    assert BREACHES.keys() == INVARIANTS.keys()


@pytest.mark.parametrize(
    ("name", "found", "what"), [(name, *case) for name, cases in BREACHES.items() for case in cases]
)
def test_a_breach_is_found_and_named_with_its_call(name: str, found: Evidence, what: str) -> None:
    told = [breach for breach in breaches(found) if breach.invariant == name]
    assert [breach for breach in told if what in str(breach)]
    assert str(told[0]).startswith(f"{name}: ")


@pytest.mark.parametrize(
    "fine",
    [
        rows(row(events=LOST_THEN_RESUMED, attempt=2, turns=[TurnRow(1, "agent", "Hi.", BEGAN + 5, BEGAN + 6)])),
        rows(row(events=[*LOST_THEN_RESUMED, event("completed", 0, BEGAN + 9)], attempt=2, turns=[])),
        rows(row(turns=[*ROW.turns, agent_turn(4, ENGLISH.resumed), agent_turn(5, ENGLISH.resumed)])),
        rows(row(turns=[agent_turn(1, "The amber"), agent_turn(2, CALL.talk.answer)])),
        rows(row(turns=[*ROW.turns, replace(ROW.turns[1], number=4), replace(ROW.turns[2], number=5)])),
        rows(row(turns=[*ASKED_TWICE, agent_turn(5, "The amber")])),
        evidence(samples=[sample(0, TWO_AGENTS), sample(2, seen(SECOND_AGENT)), *SAMPLES[2:]]),
        evidence(samples=[sample(2.0 * n, seen(replace(FIRST_AGENT, lives=False), SECOND_AGENT)) for n in range(3)]),
        evidence(samples=[sample(2.0 * n, seen(replace(FIRST_AGENT, publishes=False), SECOND_AGENT)) for n in (1, 2)]),
        evidence(samples=[sample(2.0 * n, seen() if n == 8 else None) for n in range(17)]),
        evidence(samples=[sample(2.0 * n, seen(status="failed"), live=False) for n in range(15)]),
        rows(row(status="failed", end_reason="pipeline_error")),
        evidence(placed=[hung_up_on()], rows=[row(end_reason="agent_goodbye")], caused=[A_FAULT]),
        evidence(
            placed=[hung_up_on()],
            rows=[row(status="failed", end_reason="provider_failure")],
            caused=[caused(Fault.LLM_HANGS, 0, 5)],
        ),
        evidence(placed=[behaving(Behavior.SAYS_NOTHING, report=HUNG_UP_ON)], rows=[row(end_reason="silence")]),
        evidence(placed=[behaving(Behavior.LEAVES_RINGING, report=None, left_at=BEGAN)], rows=[GAVE_UP]),
        evidence(samples=[replace(one, empty_slots={"host:1": int(at != 8)}) for at, one in enumerate(LONG)]),
        rows(
            row(
                events=[
                    *LOST_THEN_RESUMED[:1],
                    event("tool_called", 1, BEGAN + 1),
                    *LOST_THEN_RESUMED[1:],
                    *TOOL_OF_EACH,
                ],
                attempt=2,
                turns=[],
            )
        ),
        evidence(
            placed=[placed(report=None, error="the caller's process ended", killed=True)],
            caused=[caused(Fault.CALLER_KILLED, 3, 3)],
        ),
    ],
)
def test_what_a_fault_may_cause_is_not_a_breach(fine: Evidence) -> None:
    assert breaches(fine) == []


@pytest.mark.parametrize(
    ("fault", "disturbed"),
    [
        (caused(Fault.WORKER_KILLED, -10, -5), True),  # its aftermath
        (caused(Fault.WORKER_KILLED, -30, -20), False),
        (caused(Fault.WORKER_KILLED, 7, 9), False),
        (caused(Fault.CALLER_KILLED, 2, 2), True),
        (caused(Fault.CALLER_KILLED, 2, 2, OTHER.room), False),
    ],
)
def test_a_call_is_disturbed_by_faults_that_are_near_and_can_reach_it(fault: Caused, disturbed: bool) -> None:
    failed = evidence(rows=[row(status="failed", end_reason="pipeline_error")], caused=[fault])
    assert ("undisturbed calls succeed" in {breach.invariant for breach in breaches(failed)}) is not disturbed


def test_the_lines_that_may_recur_are_the_agents_own_and_the_states_the_products() -> None:
    own = {ENGLISH.resumed, ENGLISH.hold_on, ENGLISH.say_again, ENGLISH.goodbye}
    assert own <= set(MAY_RECUR)
    assert PersonaVersion._meta.get_field("silence_prompt").default in MAY_RECUR
    assert {str(status) for status in FINAL} == FINAL_STATES
