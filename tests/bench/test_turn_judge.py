"""What a caller's report says about each case of turn taking."""

from collections.abc import Sequence
from typing import Any

from tools.bench.turns.cases import Case, Kind
from tools.bench.turns.judge import Outcome, judge
from tools.bench.turns.script import Answers
from tools.bench.turns.tables import by_kind, figures, render

ANSWERS = Answers(long_s=9.0, short_s=2.0)
ASKED = ("the question", 5.0, 7.0)
SOUND = ("mhm", 10.0, 10.4)
"""The agent answers at 8 s, and the caller's sound comes at 10 s."""


def outcome(
    kind: Kind,
    said: Sequence[tuple[str, float, float]],
    spoke: Sequence[tuple[float, float]],
    pauses: Sequence[tuple[float, float]] = (),
    **case: Any,
) -> Outcome:
    """Judge one case by when the caller spoke (text, s, s), the agent did (s, s), and its gaps (at s, for ms)."""
    report = {
        "utterances": [{"text": text, "started_s": start, "ended_s": end} for text, start, end in said],
        "agent_spoke": [(1.0, 4.0), *spoke],
        "agent_pauses": [{"at_s": at, "lasted_ms": ms} for at, ms in pauses],
        "duration_s": 40.0,
        "end_detail": "the scenario is over",
    }
    (found,) = judge([Case(kind, "case", **({"says": ("Mhm.",)} | case))], report, ANSWERS)
    return found


def kept(spoke: Sequence[tuple[float, float]], pauses: Sequence[tuple[float, float]] = ()) -> Outcome:
    return outcome("no_interruption", (ASKED, SOUND), spoke, pauses)


def stopped(spoke: Sequence[tuple[float, float]], pauses: Sequence[tuple[float, float]] = ()) -> Outcome:
    return outcome("interruption", (ASKED, SOUND), spoke, pauses)


def listened(spoke: Sequence[tuple[float, float]]) -> Outcome:
    return outcome("listening", (ASKED,), spoke)


def test_an_agent_that_continues_to_the_end_of_its_answer_is_right() -> None:
    found = kept([(8.0, 17.0)])
    assert (found.verdict, found.hesitations_ms) == ("right", [])


def test_a_pause_after_which_the_answer_is_finished_is_a_hesitation() -> None:
    found = kept([(8.0, 10.3), (11.0, 17.7)], [(10.3, 680)])
    assert (found.verdict, found.hesitations_ms) == ("right", [680])


def test_a_pause_too_short_to_end_the_speech_is_a_hesitation_too() -> None:
    found = kept([(8.0, 17.2)], [(10.3, 240), (12.0, 120)])
    assert (found.verdict, found.hesitations_ms) == ("right", [240])


def test_a_track_that_falls_silent_makes_a_gap_without_frames() -> None:
    found = kept([(8.0, 10.3), (11.0, 17.7)])
    assert (found.verdict, [round(ms) for ms in found.hesitations_ms]) == ("right", [700])
    assert kept([(8.0, 10.3), (16.0, 18.0)]).verdict == "false stop"


def test_a_pause_before_the_sound_is_none_of_its_doing() -> None:
    assert kept([(8.0, 17.2)], [(9.0, 240)]).hesitations_ms == []


def test_an_answer_that_is_cut_short_is_a_false_stop() -> None:
    assert kept([(8.0, 10.5)]).verdict == "false stop"


def test_an_answer_to_the_sound_does_not_make_up_for_the_one_that_was_cut_short() -> None:
    found = kept([(8.0, 10.5), (11.5, 13.5)], [(10.5, 980)])
    assert found.verdict == "false stop"
    assert "spoke 4.5 s, and its answer has 9.0 s, with a gap of 980 ms" in found.what


def test_an_answer_that_begins_again_was_stopped() -> None:
    found = kept([(8.0, 10.5), (11.5, 20.5)], [(10.5, 980)])
    assert found.verdict == "false stop"
    assert "began its answer again 980 ms later" in found.what


def test_what_is_said_after_the_finished_answer_is_reported() -> None:
    found = kept([(8.0, 17.0), (18.0, 20.0)], [(17.0, 980)])
    assert (found.verdict, found.hesitations_ms) == ("right", [])
    assert found.what == "finished, and then said 2.0 s more"


def test_an_interruption_is_timed_from_its_first_sound_to_the_agents_last() -> None:
    found = stopped([(8.0, 10.4), (11.5, 13.5)], [(10.4, 1080)])
    assert found.verdict == "right"
    assert round(found.silence_ms or 0) == 400
    assert round(found.reply_ms or 0) == 1100


def test_an_agent_that_pauses_and_continues_has_not_stopped_until_it_does() -> None:
    found = stopped([(8.0, 10.2), (10.8, 11.4), (12.5, 14.5)], [(10.2, 580), (11.4, 1080)])
    assert found.verdict == "right"
    assert round(found.silence_ms or 0) == 1400


def test_a_reply_with_a_gap_in_it_is_one_reply() -> None:
    found = stopped([(8.0, 10.4), (11.5, 12.5), (13.0, 14.0)], [(10.4, 1080), (12.5, 480)])
    assert (found.verdict, round(found.silence_ms or 0), round(found.reply_ms or 0)) == ("right", 400, 1100)


def test_an_agent_that_finishes_its_answer_has_missed_the_interruption() -> None:
    found = stopped([(8.0, 17.0), (18.0, 20.0)], [(17.0, 980)])
    assert (found.verdict, found.what) == ("missed stop", "went on for 7000 ms")


def test_silence_alone_is_not_an_answer_to_an_interruption() -> None:
    assert stopped([(8.0, 10.4)]).what == "silent after 400 ms, but no answer"


def test_the_old_answer_once_more_is_the_wrong_answer() -> None:
    found = stopped([(8.0, 10.4), (11.5, 20.5)], [(10.4, 1080)])
    assert found.verdict == "missed stop"
    assert "not the right one" in found.what


def test_an_answer_before_the_interruption_is_over_is_early() -> None:
    assert outcome(
        "interruption", (ASKED, ("long", 10.0, 13.0)), [(8.0, 10.4), (12.0, 14.0)], [(10.4, 1580)]
    ).verdict == ("early reply")


def test_a_reply_in_time_is_right() -> None:
    found = listened([(7.8, 9.8)])
    assert found.verdict == "right"
    assert round(found.reply_ms or 0) == 800


def test_a_reply_before_the_caller_has_ended_is_early() -> None:
    found = listened([(6.5, 6.9), (8.0, 10.0)])
    assert (found.verdict, found.what) == ("early reply", "began 500 ms before the caller had ended")


def test_a_reply_after_a_second_and_a_half_or_none_is_late() -> None:
    assert listened([(8.6, 9.8)]).what == "after 1600 ms"
    assert (listened([]).verdict, listened([]).what) == ("late reply", "no reply")


def test_a_case_without_a_sound_watches_the_agent_alone() -> None:
    found = outcome("no_interruption", (ASKED,), [(8.0, 17.3)], [(12.0, 300)], says=(), sound="nothing")
    assert (found.verdict, found.hesitations_ms) == ("right", [300])


def test_a_case_whose_agent_was_not_speaking_was_not_run() -> None:
    assert kept([]).verdict == "not run"
    assert kept([(12.0, 21.0)]).verdict == "not run"


def test_cases_after_the_end_of_a_call_were_not_run() -> None:
    report: dict[str, Any] = {
        "utterances": [{"text": "Yes.", "started_s": 5.0, "ended_s": 5.4}],
        "agent_spoke": [(6.0, 8.0)],
        "agent_pauses": [],
        "duration_s": 8.0,
        "end_detail": "ROOM_DELETED",
    }
    cases = [Case("listening", "yes", ("Yes.",)), Case("interruption", "wait", ("Wait.",))]
    first, second = judge(cases, report, ANSWERS)
    assert first.verdict == "right"
    assert (second.verdict, second.what) == ("not run", "the call ended before it (ROOM_DELETED)")


def test_cases_of_a_call_are_told_apart_by_what_the_caller_said_next() -> None:
    report: dict[str, Any] = {
        "utterances": [
            {"text": "Yes.", "started_s": 5.0, "ended_s": 5.4},
            {"text": "No.", "started_s": 9.0, "ended_s": 9.4},
        ],
        "agent_spoke": [(6.0, 8.0), (10.0, 12.0)],
        "agent_pauses": [{"at_s": 8.0, "lasted_ms": 1980}],
        "duration_s": 13.0,
        "end_detail": "",
    }
    found = judge([Case("listening", name, (name,)) for name in ("yes", "no")], report, ANSWERS)
    assert [round(one.reply_ms or 0) for one in found] == [600, 600]


def test_figures_count_verdicts_and_take_percentiles_of_what_was_measured() -> None:
    outcomes = [
        kept([(8.0, 10.3), (11.0, 17.7)], [(10.3, 680)]),
        kept([(8.0, 10.5)]),
        stopped([(8.0, 10.4), (11.5, 13.5)], [(10.4, 1080)]),
        stopped([(8.0, 17.0)]),
        listened([(8.6, 9.8)]),
    ]
    found = figures(outcomes)
    assert (found["cases"], found["right"], found["false_stops"], found["missed_stops"]) == (5, 2, 1, 1)
    assert (found["late_replies"], found["early_replies"], found["not_run"]) == (1, 0, 0)
    assert (found["hesitations"], found["hesitation_p50_ms"]) == (1, 680)
    assert round(found["silence_p50_ms"]) == 400
    assert round(found["silence_p95_ms"]) == 7000
    assert round(found["reply_p50_ms"]) == 1100
    assert list(by_kind(outcomes)) == ["no_interruption", "interruption", "listening", "all"]


def test_the_table_lists_what_went_wrong() -> None:
    text = render("eager", [kept([(8.0, 10.5)]), kept([(8.0, 17.0)])])
    assert "### eager" in text
    assert "- keep-case: false stop: spoke 2.5 s" in text
