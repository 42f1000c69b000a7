"""Speech is found to 20 ms, and only speech."""

import numpy as np
import pytest

from simulator.speech.pcm import SAMPLE_RATE, Samples
from tests.latency.studio import ANSWER, LONG, QUESTION, SHORT, agree, noise, placed, softer, spoken, truth
from tests.simulator.caller.echo_agent import tone
from tools.latency.voice_activity import find_speech


def lines(voice: str = "caller") -> dict[float, Samples]:
    return {1.0: spoken(QUESTION, voice), 6.0: spoken(SHORT, voice), 8.5: spoken(ANSWER, voice)}


@pytest.mark.parametrize("voice", ["caller", "EXAVITQu4vr4xnSDxMaL", "JBFqnCBsd6RMkjVDRZzb"])
def test_the_edges_of_speech_are_found(voice: str) -> None:
    assert agree(find_speech(placed(lines(voice), 14.0)), truth(lines(voice)))


@pytest.mark.parametrize("softer_db", [6, 18])
def test_a_soft_speaker_is_heard_as_well(softer_db: float) -> None:
    soft = {at_s: softer(line, softer_db) for at_s, line in lines().items()}
    assert agree(find_speech(placed(soft, 14.0)), truth(soft))


def test_noise_on_the_line_is_not_speech_and_moves_no_edge() -> None:
    assert agree(find_speech(placed(lines(), 14.0) + noise(14.0, -62)), truth(lines()))


def test_noise_alone_is_not_speech() -> None:
    assert find_speech(noise(5.0, -30)) == ()


def test_silence_is_not_speech() -> None:
    assert find_speech(np.zeros(5 * SAMPLE_RATE, dtype=np.int16)) == ()
    assert find_speech(np.zeros(0, dtype=np.int16)) == ()


def test_a_key_a_ringing_tone_and_a_bang_are_not_speech() -> None:
    sounds = {0.3: tone(0.5, 425), 4.6: tone(0.15, 1477), 12.5: noise(0.08, -10)}
    assert agree(find_speech(placed(sounds | lines(), 14.0)), truth(lines()))


def test_a_pause_within_speech_is_not_its_end() -> None:
    line = spoken(ANSWER)
    length_s = len(line) / SAMPLE_RATE
    near, far = ({1.0: line, 1.0 + length_s + gap_s: line} for gap_s in (0.2, 0.4))
    (found,) = find_speech(placed(near, 9.0))
    assert (found.started_s, found.ended_s) == pytest.approx((1.0, 1.2 + 2 * length_s), abs=0.02)
    assert len(find_speech(placed(far, 9.0))) == 2


def test_the_echo_of_the_other_side_is_not_speech() -> None:
    agent = placed({0.5: spoken(LONG, "agent"), 8.0: spoken(ANSWER, "agent")}, 18.0)
    mine = {13.0: spoken(QUESTION)}
    delay = round(0.12 * SAMPLE_RATE)
    echo = softer(np.concatenate((np.zeros(delay, np.int16), agent[:-delay])), 28)
    assert len(find_speech(placed(mine, 18.0) + echo)) > 1
    assert agree(find_speech(placed(mine, 18.0) + echo, other_side=agent), truth(mine))


def test_an_interruption_stands_out_from_the_echo() -> None:
    agent = placed({0.5: spoken(LONG, "agent")}, 9.0)
    mine = {3.0: spoken(SHORT)}
    assert agree(find_speech(placed(mine, 9.0) + softer(agent, 28), other_side=agent), truth(mine), error_s=0.06)
