"""The signature of a line is found in speech, and only there."""

import numpy as np
import pytest

from simulator.scenario import load_all
from simulator.speech.marks import CODE_BITS, add_mark, code_of, read_mark
from simulator.speech.pcm import SAMPLE_RATE, Samples, rms, trim_silence
from simulator.speech.synthesis import CALLER_VOICE, EspeakSynthesizer
from tests.simulator.speech.opus import through_opus

LINES = [
    "Yes.",
    "Stop.",
    "No, thanks.",
    "Hello, what are your opening hours?",
    "She sells sea shells, and six ships.",
]


async def speech_of(text: str) -> Samples:
    return trim_silence(np.frombuffer(await EspeakSynthesizer().synthesize(text, CALLER_VOICE), dtype=np.int16))


@pytest.mark.parametrize("bits_per_second", [16_000, 24_000, 32_000])
@pytest.mark.parametrize("text", LINES)
async def test_a_mark_survives_opus(text: str, bits_per_second: int) -> None:
    marked = add_mark(await speech_of(text), code_of(text))
    assert read_mark(through_opus(marked, bits_per_second)) == code_of(text)


@pytest.mark.parametrize("text", LINES)
async def test_half_of_the_speech_is_enough(text: str) -> None:
    marked = through_opus(add_mark(await speech_of(text), code_of(text)), 24_000)
    middle = len(marked) // 2
    assert read_mark(marked[:middle]) == code_of(text)
    assert read_mark(marked[middle:]) == code_of(text)


async def test_silence_around_the_speech_does_not_matter() -> None:
    marked = np.pad(add_mark(await speech_of("No, thanks."), 4711), (SAMPLE_RATE, 2 * SAMPLE_RATE))
    assert read_mark(through_opus(marked, 24_000)) == 4711


@pytest.mark.parametrize("text", LINES)
async def test_speech_without_a_mark_has_no_code(text: str) -> None:
    speech = await speech_of(text)
    assert read_mark(speech) is None
    assert read_mark(through_opus(speech, 24_000)) is None


def test_noise_silence_and_a_click_have_no_code() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 2 * SAMPLE_RATE).astype(np.int16)
    assert read_mark(noise) is None
    assert read_mark(np.zeros(SAMPLE_RATE, dtype=np.int16)) is None
    assert read_mark(noise[:100]) is None
    assert read_mark(noise[:0]) is None


async def test_every_code_can_be_read() -> None:
    speech = await speech_of("No, thanks.")
    for code in [0, (1 << CODE_BITS) - 1, *(1 << bit for bit in range(CODE_BITS))]:
        assert read_mark(add_mark(speech, code)) == code


async def test_a_mark_is_far_below_the_speech() -> None:
    speech = await speech_of("Hello, what are your opening hours?")
    spectrum = np.fft.rfft(speech)
    frequencies = np.fft.rfftfreq(len(speech), 1 / SAMPLE_RATE)
    spectrum[(frequencies > 2_750) & (frequencies < 4_110)] = 0
    difference = add_mark(speech, 0x1234) - np.fft.irfft(spectrum, len(speech))
    # four tones at -26 dB each
    assert rms(difference.astype(np.int16)) < rms(speech) * 10 ** (-19 / 20)


def test_a_code_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="65536.*between 0 and 65535"):
        add_mark(np.ones(100, dtype=np.int16), 1 << CODE_BITS)


def test_silence_stays_silence() -> None:
    assert not add_mark(np.zeros(SAMPLE_RATE, dtype=np.int16), 5).any()
    assert not len(add_mark(np.zeros(0, dtype=np.int16), 5))


def test_case_and_spacing_do_not_change_the_code() -> None:
    assert code_of("Hello,  there\n") == code_of("hello, there")
    assert code_of("Hello") != code_of("Goodbye")


def test_no_two_lines_of_the_scenarios_share_a_code() -> None:
    lines = {line for scenario in load_all().values() for line in scenario.caller.lines()}
    assert len({code_of(line) for line in lines}) == len(lines)
