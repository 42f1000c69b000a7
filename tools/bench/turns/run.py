"""`python -m tools.bench turns`: every case under every policy, on this system's production path."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.speech.synthesis import SynthesisError
from tools.bench.turns import clips, tables
from tools.bench.turns.cases import Case, chosen
from tools.bench.turns.clips import Clip
from tools.bench.turns.judge import Outcome, judge
from tools.bench.turns.script import QUESTION, SECONDS, Answers, groups, script
from tools.bench.turns.voices import Speaker
from tools.errors import ToolError
from tools.measure import conversation, machine
from tools.measure.calls.cell import LATE_MS
from tools.measure.calls.placing import Callers, Placed, Plan
from tools.measure.numbers import TURN_NUMBERS
from tools.measure.world import World
from tools.measure.world.call_center import Ours, prepare_simulator
from tools.measure.world.shared import BENCH_DIR, shared_world

CLIPS_DIR = BENCH_DIR / "clips"
CALLS_AT_ONCE = 3
CALLS_A_POLICY = 3
PREFIX = "turns"


@dataclass(frozen=True)
class Options:
    """`names` None is every case; `record` None records nothing."""

    policies: tuple[str, ...]
    names: list[str] | None
    profile: str
    output: Path
    record: Path | None = None


@dataclass(frozen=True)
class _Job:
    """One call: a policy, and the cases in a row."""

    policy: str
    number: int
    cases: list[Case]

    @property
    def seconds(self) -> float:
        return 10.0 + sum(SECONDS[case.kind] for case in self.cases)


@dataclass
class _Run:
    options: Options
    answers: Answers
    made: dict[str, Clip]
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)


def run(options: Options) -> int:
    """Run it. Exit code 0 when every case could be run, whatever the judgment, else 2."""
    began = time.monotonic()
    about = machine.describe()
    print(machine.line(), flush=True)
    cases = chosen(options.names)
    try:
        turns = _Run(options, Answers.spoken(), _make_clips(cases))
    except SynthesisError as error:
        raise ToolError(str(error)) from error
    turns.outcomes = {policy: [] for policy in options.policies}
    if options.record is not None:
        options.record.mkdir(parents=True, exist_ok=True)
    with shared_world() as world:
        prepare_simulator(world, options.profile)
        ours = Ours(world)
        ours.prepare()
        ours.start("eager")
        try:
            _place_all(world, turns, cases)
        finally:
            ours.stop()
    return _report(turns, cases, about, time.monotonic() - began)


def _make_clips(cases: Sequence[Case]) -> dict[str, Clip]:
    speaker = Speaker()
    try:
        return {case.name: clips.make(case, speaker, CLIPS_DIR) for case in (QUESTION, *cases) if not case.silent}
    finally:
        speaker.close()


def _place_all(world: World, turns: _Run, cases: Sequence[Case]) -> None:
    for policy in turns.options.policies:
        Callers(world, Plan(conversation.warm_up_script(), TURN_NUMBERS[policy], 1, 20.0)).finish()
    world.control("scenario", {"yaml": script(PREFIX, cases, turns.made)})
    jobs = [
        _Job(policy, number, group)
        for number, group in enumerate(groups(cases, CALLS_A_POLICY), 1)
        for policy in turns.options.policies
    ]
    for first in range(0, len(jobs), CALLS_AT_ONCE):
        _place(world, turns, jobs[first : first + CALLS_AT_ONCE])


def _place(world: World, turns: _Run, jobs: Sequence[_Job]) -> None:
    """A call for each job, all at once."""
    callers: list[Callers] = []
    try:
        for job in jobs:
            callers.append(Callers(world, _plan(turns, job)))
        for job, caller in zip(jobs, callers, strict=True):
            placed = caller.finish()
            _hear(turns, job, placed[0] if placed else Placed(0.0, {}, "its caller ended without a report"))
    finally:
        for caller in callers:
            caller.stop()


def _plan(turns: _Run, job: _Job) -> Plan:
    name = f"{PREFIX}-{job.policy}-{job.number}"
    record = turns.options.record
    wav = "" if record is None else str((record / f"{name}.wav").resolve())
    return Plan(script(name, job.cases, turns.made), TURN_NUMBERS[job.policy], 1, job.seconds, wav=wav)


def _hear(turns: _Run, job: _Job, placed: Placed) -> None:
    title = f"{job.policy}, call {job.number}"
    if placed.error:
        outcomes = [Outcome(case, "not run", placed.error) for case in job.cases]
    else:
        outcomes = judge(job.cases, placed.report, turns.answers)
        late_ms = placed.report["frame_lateness_p99_ms"]
        if late_ms > LATE_MS:
            turns.doubts.append(f"{title}: its caller was {late_ms:.0f} ms late (p99)")
        turns.calls.append({"policy": job.policy, "call": job.number, "report": placed.report})
    turns.outcomes[job.policy] += outcomes
    wrong = [f"{one.case.name} ({one.verdict})" for one in outcomes if one.verdict != "right"]
    print(f"  {title}: {len(outcomes)} cases, wrong: {', '.join(wrong) or 'none'}", flush=True)


def _report(turns: _Run, cases: Sequence[Case], about: dict[str, Any], seconds: float) -> int:
    order = [case.name for case in cases]
    for outcomes in turns.outcomes.values():
        outcomes.sort(key=lambda one: order.index(one.case.name))
    document = {
        "machine": about,
        "profile": turns.options.profile,
        "seconds": round(seconds),
        "doubts": turns.doubts,
        "policies": {
            policy: {"figures": tables.by_kind(outcomes), "cases": [one.as_dict() for one in outcomes]}
            for policy, outcomes in turns.outcomes.items()
        },
        "calls": turns.calls,
    }
    turns.options.output.parent.mkdir(parents=True, exist_ok=True)
    turns.options.output.write_text(json.dumps(document, indent=1) + "\n")
    for policy, outcomes in turns.outcomes.items():
        print("\n" + tables.render(policy, outcomes))
    for doubt in turns.doubts:
        print(f"doubt: {doubt}")
    print(f"{seconds:.0f} s; figures: {turns.options.output}")
    run_all = all(one.verdict != "not run" for outcomes in turns.outcomes.values() for one in outcomes)
    return 0 if run_all else 2
