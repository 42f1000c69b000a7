"""What the timing of both sides says about a call."""

import pytest

from tools.latency.conversation import Conversation, measure
from tools.latency.voice_activity import Speech


def conversation(caller: list[tuple[float, float]], agent: list[tuple[float, float]], seconds: float) -> Conversation:
    return measure([Speech(*each) for each in caller], [Speech(*each) for each in agent], seconds)


def latencies(talk: Conversation) -> list[float]:
    return [round(reply.latency_ms) for reply in talk.replies]


def test_a_reply_is_dated_from_the_callers_last_sound_to_the_agents_first() -> None:
    talk = conversation([(2.0, 3.0), (6.0, 7.5)], [(0.4, 1.5), (3.5, 5.0), (8.3, 9.0)], 10.0)
    assert latencies(talk) == [500, 800]
    assert talk.greeting_s == 0.4
    assert [(turn.speaker, turn.reply_latency_ms) for turn in talk.turns] == [
        ("agent", None),
        ("caller", None),
        ("agent", pytest.approx(500)),
        ("caller", None),
        ("agent", pytest.approx(800)),
    ]


def test_a_caller_who_continues_after_a_pause_is_answered_once() -> None:
    talk = conversation([(1.0, 2.0), (2.5, 3.0)], [(3.4, 4.0)], 5.0)
    assert latencies(talk) == [400]
    assert [(turn.started_s, turn.ended_s) for turn in talk.turns] == [(1.0, 3.0), (3.4, 4.0)]


def test_a_caller_who_begins_is_not_greeted() -> None:
    assert conversation([(1.0, 2.0)], [(2.4, 3.0)], 4.0).greeting_s is None


def test_an_agent_that_begins_too_early_has_a_negative_latency_and_interrupts() -> None:
    talk = conversation([(1.0, 3.0)], [(2.7, 5.0)], 6.0)
    assert latencies(talk) == [-300]
    assert [(each.by, each.yielded) for each in talk.interruptions] == [("agent", True)]
    assert talk.overlap_s == pytest.approx(0.3)


def test_a_word_that_the_agent_swallows_is_not_a_reply() -> None:
    assert latencies(conversation([(1.0, 3.0)], [(2.0, 2.2), (3.6, 4.0)], 5.0)) == [600]


def test_a_word_in_passing_has_no_reply() -> None:
    assert latencies(conversation([(2.0, 2.4)], [(0.5, 6.0), (6.5, 8.0)], 9.0)) == []


def test_an_interruption_says_how_long_the_other_went_on() -> None:
    talk = conversation([(3.0, 4.5)], [(0.5, 3.35), (5.0, 6.0)], 7.0)
    (interruption,) = talk.interruptions
    assert (interruption.by, interruption.yielded) == ("caller", True)
    assert interruption.silent_after_ms == pytest.approx(350)
    assert interruption.overlap_ms == pytest.approx(350)
    assert latencies(talk) == [500]


def test_a_word_that_meets_the_end_of_the_others_speech_is_not_an_interruption() -> None:
    talk = conversation([(3.0, 4.0)], [(0.5, 3.1)], 5.0)
    assert talk.interruptions == ()
    assert talk.overlap_s == pytest.approx(0.1)


def test_dead_air_says_who_spoke_before_and_after() -> None:
    talk = conversation([(4.0, 5.0)], [(2.5, 3.0), (8.0, 9.0)], 20.0)
    assert [(each.lasted_s, each.after, each.then) for each in talk.dead_air] == [
        (2.5, None, "agent"),
        (3.0, "caller", "agent"),
        (11.0, "agent", None),
    ]


def test_a_recording_without_speech_is_dead_air() -> None:
    talk = conversation([], [], 5.0)
    assert [each.lasted_s for each in talk.dead_air] == [5.0]
    assert (talk.turns, talk.replies, talk.greeting_s) == ((), (), None)


def test_silence_within_the_others_speech_is_no_dead_air() -> None:
    assert conversation([(1.0, 1.5), (7.0, 8.0)], [(0.5, 7.5)], 8.0).dead_air == ()
