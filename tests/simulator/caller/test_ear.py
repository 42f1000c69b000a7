"""The ear dates speech by the arrival of its frames, and tells replies from what is none."""

import numpy as np
import pytest

from simulator.caller.ear import SILENCE_S, Ear, Stretch

FRAME_S = 0.02
LOUD = np.full(320, 3000, dtype=np.int16)
QUIET = np.full(320, 20, dtype=np.int16)


def hear(*parts: tuple[float, bool]) -> Ear:
    """An ear that has heard these parts in turn: seconds, and whether there was speech."""
    ear = Ear()
    at = 0.0
    for seconds, loud in parts:
        for _ in range(round(seconds / FRAME_S)):
            at += FRAME_S
            ear.hear(LOUD if loud else QUIET, at)
    return ear


def test_speech_is_dated_by_its_first_and_last_loud_frame() -> None:
    ear = hear((1.0, False), (0.5, True), (1.0, False))
    assert len(ear.stretches) == 1
    assert ear.stretches[0].started_at == pytest.approx(1.02)
    assert ear.stretches[0].last_at == pytest.approx(1.5)
    assert ear.stretches[0].ended


def test_a_pause_shorter_than_silence_belongs_to_the_speech() -> None:
    assert len(hear((0.4, True), (SILENCE_S - 0.04, False), (0.4, True)).stretches) == 1
    assert len(hear((0.4, True), (SILENCE_S + 0.04, False), (0.4, True)).stretches) == 2


def test_a_single_loud_frame_is_a_click() -> None:
    ear = hear((0.5, False), (FRAME_S, True), (0.5, False), (FRAME_S, True), (0.5, False))
    assert ear.stretches == []


def test_gaps_are_measured_by_their_frames_and_short_ones_left_out() -> None:
    ear = hear((0.5, True), (0.08, False), (0.4, True), (0.24, False), (0.4, True), (0.6, False), (0.4, True))
    assert [round(pause.quiet_s, 2) for pause in ear.pauses] == [0.24, 0.6]
    assert [round(pause.began_at, 2) for pause in ear.pauses] == [0.98, 1.62]


def test_frames_that_come_late_are_not_a_gap() -> None:
    ear = Ear()
    for number in range(50):
        ear.hear(LOUD, number * FRAME_S + (0.25 if number >= 25 else 0.0))
    assert ear.pauses == []


def test_speech_that_continues_has_not_ended() -> None:
    ear = hear((0.5, True), (0.2, False))
    assert ear.now_speaking is ear.stretches[0]


def test_silence_is_noticed_when_frames_stop_coming() -> None:
    ear = hear((0.5, True))
    ear.listen(0.5 + SILENCE_S + 0.01)
    assert ear.now_speaking is None
    assert ear.stretches[0].last_at == pytest.approx(0.5)


def test_beginning_and_end_are_reported_once() -> None:
    told: list[tuple[str, float]] = []
    ear = Ear(
        on_speaking=lambda stretch: told.append(("speaking", stretch.started_at)),
        on_silent=lambda stretch: told.append(("silent", stretch.last_at)),
    )
    for number in range(1, 60):
        ear.hear(LOUD if number <= 10 else QUIET, number * FRAME_S)
    assert [(what, round(at, 6)) for what, at in told] == [("speaking", 0.02), ("silent", 0.2)]


def ear_with(*stretches: tuple[float, float]) -> Ear:
    ear = Ear()
    ear.stretches = [Stretch(start, last, ended=True) for start, last in stretches]
    return ear


def test_a_reply_is_the_first_speech_after_the_caller_ended() -> None:
    reply = ear_with((0.0, 1.0), (3.6, 4.0), (5.0, 6.0)).reply_to(2.0, 3.0)
    assert reply is not None
    assert reply.started_at == 3.6


def test_what_the_agent_was_saying_before_is_not_a_reply() -> None:
    assert ear_with((0.0, 5.0)).reply_to(2.0, 3.0) is None


def test_speech_swallowed_while_the_caller_still_speaks_is_not_a_reply() -> None:
    reply = ear_with((2.4, 2.8), (3.6, 4.0)).reply_to(2.0, 3.0)
    assert reply is not None
    assert reply.started_at == 3.6


def test_an_agent_that_speaks_over_the_caller_and_continues_replied_too_early() -> None:
    reply = ear_with((2.8, 5.0)).reply_to(2.0, 3.0)
    assert reply is not None
    assert reply.started_at == 2.8
