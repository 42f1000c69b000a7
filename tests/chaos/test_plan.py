"""What is drawn from the seed, what callers ask, and what the command line takes."""

import argparse
import json
from collections import Counter

import pytest

from simulator.scenario import parse_scenario
from simulator.speech.marks import code_of
from tests.chaos.fakes import CALL, caused, claimed, evidence, placed, row
from tools.chaos.__main__ import _parser, _share
from tools.chaos.calls.behavior import Behavior, steps
from tools.chaos.calls.conversation import Talk, agents_script, talks
from tools.chaos.calls.plan import TALK_S, WEIGHTS, Fault, plan
from tools.chaos.checks.invariants import breaches
from tools.chaos.report import document, resumed_after_s, summary
from tools.chaos.run import Options


def test_the_same_seed_draws_the_same_faults_and_another_draws_others() -> None:
    assert plan(100, 0.2, seed=7) == plan(100, 0.2, seed=7)
    assert plan(100, 0.2, seed=7) != plan(100, 0.2, seed=8)


def test_a_share_of_the_calls_draws_a_fault_while_it_is_live_and_every_kind_comes() -> None:
    strikes = [call.strike for call in plan(4000, 0.25, seed=1) if call.strike]
    assert 900 < len(strikes) < 1100
    assert all(0 <= strike.after_s <= TALK_S for strike in strikes)
    counts = Counter(strike.fault for strike in strikes)
    assert counts.keys() == WEIGHTS.keys() == set(Fault)
    assert min(counts, key=lambda fault: counts[fault]) == Fault.LIVEKIT_RESTARTED


def test_calls_differ_in_room_number_and_question() -> None:
    calls = plan(1000, 0, seed=1)
    for values in zip(*((call.room, call.from_number, call.talk) for call in calls), strict=True):
        assert len(set(values)) == 1000


def test_no_two_questions_have_the_same_mark_and_each_has_its_own_answer() -> None:
    assert len({code_of(talk.question) for talk in talks()}) == len(talks()) > 1000
    rules = parse_scenario(agents_script(1000)).agent.rules
    for talk in talks()[:1000:37]:
        [line] = parse_scenario(json.dumps(scenario(Behavior.ASKS, talk))).caller.lines()
        assert [rule.say for rule in rules if rule.matches(line)] == [talk.answer]


def scenario(behavior: Behavior, talk: Talk) -> dict[str, object]:
    return {"name": "caller", "caller": {"steps": steps(behavior, talk, "noise.wav")}}


@pytest.mark.parametrize("behavior", Behavior)
def test_every_behavior_is_a_scenario_whose_lines_the_model_knows(behavior: Behavior) -> None:
    known = parse_scenario(agents_script(1))
    said = parse_scenario(json.dumps(scenario(behavior, talks()[0]))).caller
    assert set(said.lines()) <= set(known.caller.lines())
    assert all(any(rule.matches(line) for rule in known.agent.rules) for line in said.lines())


def test_a_third_of_the_callers_hang_up_before_the_greeting_is_over_and_every_behavior_comes() -> None:
    calls = plan(4000, 0, seed=1)
    counts = Counter(call.behavior for call in calls)
    early = (Behavior.LEAVES_RINGING, Behavior.LEAVES_JOINING, Behavior.LEAVES_IN_GREETING)
    assert sum(counts[behavior] for behavior in early) == pytest.approx(4000 / 3, rel=0.1)
    assert counts.keys() == set(Behavior)
    assert {call.leaving is not None for call in calls if call.behavior in early} == {True}
    assert {call.leaving for call in calls if call.behavior.stays} == {None}


def test_who_calls_twice_at_once_has_one_number_and_two_rooms() -> None:
    [call] = plan(1, 1.0, seed=1)
    assert call.twin.from_number == call.from_number
    assert call.twin.room != call.room
    assert call.twin.strike is None


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("100%", 1.0), ("0", 0.0)])
def test_the_share_is_a_percentage_or_a_fraction(text: str, share: float) -> None:
    assert _share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "-1%", "many", "nan%"])
def test_what_is_no_share_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 5%, or 0.05"):
        _share(text)


def test_one_worker_is_refused_because_nobody_could_take_over(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["--workers", "1"])
    assert "a number of at least 2" in capsys.readouterr().err


def test_a_resume_is_measured_by_ear_from_the_loss_to_the_next_agents_first_word() -> None:
    began = placed().joined_at or 0.0
    heard = {**(placed().report or {}), "agent_spoke": [(1.0, 2.0), (9.5, 11.0)]}
    call, resumed = placed(report=heard), row(events=[claimed(1, began), claimed(2, began + 8)], attempt=2)
    found = evidence(placed=[call], rows=[resumed], caused=[caused(Fault.WORKER_KILLED, 3, 9)])

    assert resumed_after_s(call, {CALL.room: resumed}, found) == pytest.approx(6.5)
    assert resumed_after_s(call, {CALL.room: row()}, evidence()) is None


def test_the_summary_lists_ends_faults_replies_and_each_breach_in_a_line() -> None:
    found = evidence(rows=[row(status="in_progress", end_reason="", ended_at=None)])
    options = Options(calls=1, share=0.0, seed=42, workers=2, at_once=1)
    text = summary(document(options, found, breaches(found), 12.0))

    assert "1 calls in 12 s, seed 42" in text
    assert "replies heard: 1 of 1" in text
    assert "✓ one owner at a time" in text
    assert "✗ every call has ended with a reason" in text
    assert f"breach: every call has ended with a reason: {CALL.room}: is in_progress" in text.splitlines()
