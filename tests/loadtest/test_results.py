"""A load test passes when 95 % of its calls succeed, replies are heard in time, and nothing is left behind."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from tests.loadtest.fakes import CLEAN, call, options, placed, results
from tools.loadtest.aftermath import Row, leaks, may_breathe, not_checked
from tools.loadtest.calls import heard
from tools.loadtest.report import plots
from tools.loadtest.report.page import page
from tools.loadtest.report.results import live_calls, most_at_once
from tools.measure.calls.placing import Placed

COMPLETED = Row("completed", "caller_left", 1, 40.0)


def test_calls_that_are_well_pass() -> None:
    found = results(call("a", 400.0, 500.0), call("b", 450.0))
    assert found.passed
    summary = found.document()["test_summary"]
    assert (summary["success_rate_percent"], summary["latency_target_met"]) == (100.0, True)
    assert summary["reply_ms"] == {"p50": 450.0, "p95": 500.0, "p99": 500.0, "count": 3}
    assert summary["pickup_ms"]["count"] == 2


def test_too_many_failures_fail() -> None:
    lost = call("b", None)
    assert lost.reason == "1 of 2 replies not heard"
    found = results(call("a", 400.0), lost)
    assert not found.passed
    assert found.document()["test_summary"]["failures"] == {"1 of 2 replies not heard": 1}


def test_late_replies_fail() -> None:
    found = results(call("a", 601.0))
    assert (found.success_percent, found.latency_target_met, found.passed) == (100.0, False, False)


def test_what_is_left_behind_fails() -> None:
    found = results(call("a", 400.0), leaks=["rooms: 1, before 0"])
    assert not found.passed
    assert (False, "left behind: rooms: 1, before 0") in found.criteria()


def test_no_call_at_all_is_not_a_success() -> None:
    assert not results().passed


def test_without_media_no_latency_is_claimed() -> None:
    found = results(call("a"), options=options(media="off"))
    assert found.passed
    summary = found.test_summary()
    assert summary["latency_target_met"] is None
    assert "media switched off" in summary["label"]
    assert "media switched off" in page(found)
    assert any("media switched off" in doubt for doubt in found.doubts())


def test_callers_that_were_late_raise_a_doubt() -> None:
    assert "own frames were 50 ms late" in results(call("a", 400.0, frame_lateness_p99_ms=50.0)).doubts()[0]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"answered": False, "end_detail": "nobody answered"}, "not answered: nobody answered"),
        ({"completed": False, "ended_by": "agent"}, "ended by agent: "),
    ],
)
def test_a_call_that_went_wrong_says_why(values: dict[str, object], reason: str) -> None:
    report = placed("a", 400.0).report | values
    assert heard(Placed(105.0, report, room="a"), 100.0).reason == reason


def test_a_caller_that_could_not_join_says_why() -> None:
    assert heard(Placed(0.0, {}, "LiveKit does not answer", room="a"), 100.0).reason == "LiveKit does not answer"


def test_an_early_reply_is_counted_and_not_measured() -> None:
    found = call("a", -20.0, 400.0)
    assert (found.early, found.replies) == (1, [(8.0, 400.0)])


def test_a_call_whose_row_is_not_completed_or_not_there_is_not_a_success() -> None:
    well, failed, lost = call("a", 400.0), call("b", 400.0), call("c", 400.0)
    rows = {"a": COMPLETED, "b": Row("failed", "room_gone", 1, 40.0)}
    for one in (well, failed, lost):
        one.compare(rows)
    assert [one.reason for one in (well, failed, lost)] == ["", "failed: room_gone", "no row in the database"]
    assert well.as_dict()["success"] is True


def test_why_a_call_failed_is_read_from_its_row_before_what_its_caller_missed() -> None:
    failed = call("a", None)
    failed.compare({"a": Row("failed", "provider_failure", 1, 40.0)})
    assert failed.reason == "failed: provider_failure"


def test_pools_may_breathe_and_rooms_may_not() -> None:
    pools = may_breathe(calls=2, workers=1)
    assert leaks(CLEAN, replace(CLEAN, worker_threads=32), pools) == []
    assert leaks(CLEAN, replace(CLEAN, worker_threads=33), pools) == ["worker threads: 33, before 20"]
    assert leaks(CLEAN, replace(CLEAN, rooms=1), pools) == ["rooms: 1, before 0"]


def test_what_cannot_be_inspected_is_named() -> None:
    elsewhere = replace(CLEAN, worker_files=None, worker_threads=None)
    assert leaks(elsewhere, elsewhere, 0) == []
    assert not_checked(elsewhere) == ["worker files", "worker threads"]


def test_calls_at_once_are_counted_from_their_beginnings_and_ends() -> None:
    calls = [call("a"), replace(call("b"), began_s=20.0), replace(call("c"), began_s=30.0)]
    assert most_at_once(calls) == 2
    assert live_calls(calls)[-1] == (50.0, 0)


def test_the_page_has_every_plot_and_escapes_what_it_shows() -> None:
    failed = call("<b>", None)
    shown = page(results(call("a", 400.0, 500.0), failed))
    assert shown.count("<svg") == 4
    assert "<b>" not in shown.replace("<b>real calls", "")
    assert "&lt;b&gt;" in shown


@pytest.mark.parametrize(
    "plot",
    [
        plots.scatter("t", [(1.0, 2.0)], 3.0, "limit"),
        plots.scatter("t", []),
        plots.histogram("t", [], "ms"),
        plots.histogram("t", [5.0, 5.0], "ms"),
        plots.steps("t", [(0.0, 1), (2.0, 0)]),
    ],
)
def test_a_plot_is_a_picture(plot: str) -> None:
    assert ElementTree.fromstring(plot).tag.endswith("svg")  # noqa: S314  our own
