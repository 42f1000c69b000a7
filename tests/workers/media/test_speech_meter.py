"""Speech by energy, above the noise of the line."""

import numpy as np

from workers.media.speech_meter import BLOCK, SpeechMeter

RNG = np.random.default_rng(1)


def _noise(rms: float, blocks: int) -> bytes:
    return RNG.normal(0, rms, blocks * BLOCK).astype(np.int16).tobytes()


def test_silence_holds_no_speech() -> None:
    assert SpeechMeter().speech_blocks(bytes(2 * BLOCK * 5)) == [False] * 5


def test_speech_is_found_in_the_blocks_that_hold_it() -> None:
    pcm = bytes(2 * BLOCK * 2) + _noise(3000, 3) + bytes(2 * BLOCK)
    assert SpeechMeter().speech_blocks(pcm) == [False, False, True, True, True, False]


def test_the_noise_of_a_line_is_not_speech_and_speech_above_it_is() -> None:
    meter = SpeechMeter()
    meter.speech_blocks(_noise(300, 2000))
    assert True not in meter.speech_blocks(_noise(300, 50))
    assert False not in meter.speech_blocks(_noise(4000, 50))


def test_long_speech_does_not_become_its_own_noise() -> None:
    meter = SpeechMeter()
    for _ in range(12):
        assert all(meter.speech_blocks(_noise(3000, 100)))
        meter.speech_blocks(bytes(2 * BLOCK * 5))  # a breath
