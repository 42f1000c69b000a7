"""What a cell makes of the callers' reports, and when it doubts itself."""

from typing import Any

from tools.bench.compare.render import render
from tools.bench.compare.tables import rows
from tools.measure.calls.cell import LATE_MS, Cell
from tools.measure.calls.placing import Placed


def said(**values: Any) -> dict[str, Any]:
    return {
        "interrupts": False,
        "reply_expected": True,
        "reply_heard": True,
        "reply_latency_ms": 400.0,
        "silent_after_ms": None,
        **values,
    }


def report(*utterances: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "duration_s": 20.0,
        "frame_lateness_p99_ms": 2.0,
        "audio_gaps": 0,
        "pickup_ms": 500.0,
        "completed": True,
        "ended_by": "caller",
        "end_detail": "",
        "utterances": list(utterances),
        **values,
    }


def cell(*reports: dict[str, Any], contender: str = "ours", number: int = 1, calls: int = 1, **values: Any) -> Cell:
    made = Cell("a", number, contender, calls, **values)
    made.hear([Placed(0.0, one) for one in reports])
    return made


def test_a_call_in_which_every_reply_is_heard_is_valid() -> None:
    heard = cell(report(said(), said(reply_latency_ms=600.0)))
    assert heard.valid
    assert heard.replies_ms == [400.0, 600.0]
    assert (heard.expected, heard.lost) == (3, 0)


def test_a_reply_that_is_not_heard_is_lost_and_makes_the_run_invalid() -> None:
    heard = cell(report(said(), said(reply_heard=False, reply_latency_ms=None)))
    assert heard.lost == 1
    assert heard.doubts == ["1 of 3 replies not heard"]


def test_a_greeting_that_is_not_heard_is_lost() -> None:
    assert cell(report(pickup_ms=None)).lost == 1


def test_callers_that_were_starved_make_the_run_invalid() -> None:
    heard = cell(report(said()), report(said(), frame_lateness_p99_ms=LATE_MS + 1))
    assert heard.doubts == ["callers 21 ms late (p99)"]
    assert cell(report(said(), frame_lateness_p99_ms=LATE_MS)).valid


def test_a_call_that_could_not_be_placed_makes_the_run_invalid() -> None:
    placed = Cell("a", 1, "ours", 1)
    placed.hear([Placed(0.0, {}, "cannot reach LiveKit")])
    assert placed.doubts == ["cannot reach LiveKit"]


def test_an_early_reply_is_counted_and_is_no_fast_one() -> None:
    heard = cell(report(said(reply_latency_ms=-200.0), said()))
    assert (heard.early, heard.replies_ms) == (1, [400.0])


def test_cost_a_call_is_cpu_time_by_the_seconds_of_all_calls() -> None:
    used = cell(report(said()), report(said()), calls=2, agents_cpu_s=3.0, control_cpu_s=1.0, busy_pss_mb=120.0)
    assert used.cores_a_call == 0.1
    assert used.agent_cores_a_call == 0.075
    assert used.pss_a_call == 60.0


def test_a_table_shows_medians_of_the_valid_rounds_alone() -> None:
    cells = [cell(report(said(reply_latency_ms=ms)), number=number) for number, ms in enumerate((400.0, 500.0), 1)]
    cells.append(cell(report(said(reply_latency_ms=9000.0), frame_lateness_p99_ms=99.0), number=3))
    (row,) = rows(cells)
    assert row.figures["reply_p50_ms"] == 450.0
    assert (row.valid_rounds, row.rounds) == (2, 3)


def test_ratios_compare_ours_with_the_same_round_of_a_peer() -> None:
    cells = []
    for number, slowness in ((1, 1.0), (2, 3.0)):
        cells.append(cell(report(said(reply_latency_ms=200.0 * slowness)), number=number))
        cells.append(cell(report(said(reply_latency_ms=400.0 * slowness)), number=number, contender="pipecat"))
    _, theirs = rows(cells)
    assert theirs.ratios["reply_p50_ms"] == 0.5


def test_the_table_marks_what_is_not_valid() -> None:
    good, bad = cell(report(said())), cell(report(said(), frame_lateness_p99_ms=50.0), contender="pipecat")
    text = render(rows([good, bad]))
    assert "0 of 1 INVALID" in text
    assert text.count("INVALID") == 1
