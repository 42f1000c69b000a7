"""What the benchmark asks of its callers, its options, and what a soak and a control run conclude."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from celery import current_app

from simulator.caller.conversation import expects_reply
from simulator.scenario import Interrupt, Say, parse_scenario
from tests.bench.test_cells import cell, report, said
from tools.bench.__main__ import _parser, _with_command
from tools.bench.compare.plot import plot
from tools.bench.compare.tables import rows
from tools.bench.control import Options
from tools.bench.dispatch_times import DispatchTimes
from tools.bench.soak import Inventory, Soak, left_over
from tools.errors import ToolError
from tools.measure.calls.callers import CALLS_A_PROCESS
from tools.measure.calls.placing import shares
from tools.measure.conversation import script, warm_up_script


def test_the_conversation_expects_a_reply_to_everything_and_grows_with_the_call() -> None:
    short, long = parse_scenario(script(15)), parse_scenario(script(120))
    assert len(long.caller.lines()) > 3 * len(short.caller.lines())
    steps = long.caller.steps
    assert any(isinstance(step, Interrupt) for step in steps)
    speaking = [number for number, step in enumerate(steps, 1) if isinstance(step, Say | Interrupt)]
    assert all(expects_reply(steps[number:]) for number in speaking)


def test_every_line_of_the_caller_has_its_own_answer() -> None:
    scenario = parse_scenario(script(15))
    assert all(any(rule.matches(line) for rule in scenario.agent.rules) for line in scenario.caller.lines())


def test_the_warm_up_says_nothing_that_the_measured_calls_do_not_say() -> None:
    assert set(parse_scenario(warm_up_script()).caller.lines()) <= set(parse_scenario(script(15)).caller.lines())


@pytest.mark.parametrize("calls", range(1, 11))
def test_callers_are_spread_over_processes_of_at_most_three(calls: int) -> None:
    split = shares(calls)
    assert [number for share in split for number in share] == list(range(calls))
    assert max(len(share) for share in split) <= CALLS_A_PROCESS


def test_without_a_command_it_compares() -> None:
    arguments = _parser().parse_args(_with_command(["--calls", "1,6", "--tables", "b"]))
    assert (arguments.command, arguments.calls, arguments.tables) == ("compare", ["1", "6"], ["b"])


def test_a_table_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(_with_command(["--tables", "c"]))
    assert "'c' is not one of a, b" in capsys.readouterr().err


@pytest.mark.parametrize(("calls", "hold_s", "option"), [(11, 20.0, "--calls"), (10, 5.0, "--hold")])
def test_a_control_run_whose_calls_could_not_be_up_at_once_is_refused(calls: int, hold_s: float, option: str) -> None:
    with pytest.raises(ToolError, match=option):
        Options(calls, workers=1, within_s=5.0, hold_s=hold_s, output=Path("x.json")).check()


def test_dispatch_runs_from_publishing_to_the_task_body_of_the_same_message() -> None:
    times = DispatchTimes("memory://")
    times.note({"type": "task-sent", "name": "workers.run_call", "uuid": "1", "timestamp": 10.0})
    times.note({"type": "task-sent", "name": "calls.sweep", "uuid": "2", "timestamp": 10.0})
    times.note({"type": "task-started", "uuid": "1", "timestamp": 10.005})
    times.note({"type": "task-started", "uuid": "2", "timestamp": 10.1})
    assert times.milliseconds() == pytest.approx([5.0])


def test_listening_to_the_broker_leaves_the_products_app_the_current_one() -> None:
    DispatchTimes("memory://")
    assert current_app.main == "callcenter"


def test_a_soaks_slope_leaves_out_the_warm_up() -> None:
    soak = Soak(calls=4, minutes=10, points=[(0.0, 100.0), (2.0, 300.0), (5.0, 300.0), (10.0, 301.0)])
    assert soak.slope_mb() == pytest.approx(0.13, abs=0.02)


def test_a_soak_names_what_is_left_over() -> None:
    before = Inventory(worker_pss_mb=200.0, worker_files=40, worker_threads=20, rooms=0, database_connections=5)
    after = Inventory(worker_pss_mb=210.0, worker_files=45, worker_threads=24, rooms=1, database_connections=4)
    assert left_over(Soak(4, 10, before=before, after=after)) == ["rooms", "worker_files"]


def test_the_plot_is_a_picture_with_every_contender() -> None:
    cells = [cell(report(said()), contender=name) for name in ("ours", "pipecat")]
    picture = plot(rows(cells), "a <machine> of $5, or $6")
    assert ElementTree.fromstring(picture).tag.endswith("svg")  # noqa: S314  our own
    assert "pipecat" in picture
    assert "a &lt;machine&gt; of $5, or $6" in picture
