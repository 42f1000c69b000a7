"""When someone speaks, by the energy of the audio: the same yardstick for the caller and for the agent."""

import math

import numpy as np

SAMPLE_RATE = 16_000  # Hz; telephone speech has nothing above 8 kHz
BLOCK = 160  # samples: 10 ms, the resolution of every time here
BLOCK_NS = BLOCK * 1_000_000_000 // SAMPLE_RATE
FLOOR = 207.0  # RMS of 16-bit samples, -44 dB of full scale: softer than any telephone speech
ABOVE_NOISE = 4.0  # speech stands 12 dB or more above the noise of the line
QUIETEST = FLOOR / ABOVE_NOISE  # RMS of a line whose noise does not count
NOISE_RISE = 1.002  # a block


def loudness(pcm: bytes) -> float:
    """Root mean square of 16-bit samples."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)
    return math.sqrt(float(np.dot(samples, samples)) / len(samples))


class SpeechMeter:
    """Finds the blocks of 16 kHz mono 16-bit PCM that hold speech, above the noise floor that it learns."""

    def __init__(self) -> None:
        self._noise = QUIETEST

    def speech_blocks(self, pcm: bytes) -> list[bool]:
        """One value for each 10 ms block of `pcm`: whether someone speaks in it."""
        blocks = np.frombuffer(pcm, np.int16, len(pcm) // (2 * BLOCK) * BLOCK).reshape(-1, BLOCK).astype(np.float32)
        noise = self._noise
        found: list[bool] = []
        for sum_of_squares in np.vecdot(blocks, blocks).tolist():
            level = math.sqrt(sum_of_squares / BLOCK)
            # Falls at once and rises by a fifth a second, so that speech does not become its own noise floor. Two
            # comparisons here, not calls of min and max: half the time of the whole.
            noise *= NOISE_RISE
            if noise > level:
                noise = level
            if noise < QUIETEST:
                noise = QUIETEST
            found.append(level > FLOOR and level > noise * ABOVE_NOISE)
        self._noise = noise
        return found
