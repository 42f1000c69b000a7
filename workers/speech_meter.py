"""When somebody speaks, by the energy of the audio: the same yardstick for the caller and for the agent."""

import math

import numpy as np

SAMPLE_RATE = 16_000  # Hz; telephone speech has nothing above 8 kHz
BLOCK = 160  # samples: 10 ms, the resolution of every time here
BLOCK_NS = BLOCK * 1_000_000_000 // SAMPLE_RATE
FLOOR = 207.0  # RMS of 16-bit samples, -44 dB of full scale: softer than any telephone speech
ABOVE_NOISE = 4.0  # speech stands 12 dB or more above the noise of the line


def loudness(pcm: bytes) -> float:
    """Root mean square of 16-bit samples."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)
    return math.sqrt(float(np.dot(samples, samples)) / len(samples))


class SpeechMeter:
    """Finds the blocks of 16 kHz mono 16-bit PCM that hold speech, above the noise floor that it learns."""

    def __init__(self) -> None:
        self._noise = FLOOR / ABOVE_NOISE

    def speech_blocks(self, pcm: bytes) -> list[bool]:
        """One value for each 10 ms block of `pcm`: whether somebody speaks in it."""
        samples = np.frombuffer(pcm, np.int16)
        blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float32)
        energy = np.einsum("ij,ij->i", blocks, blocks)  # a third of the time of mean(blocks * blocks)
        return [self._is_speech(math.sqrt(sum_of_squares / BLOCK)) for sum_of_squares in energy.tolist()]

    def _is_speech(self, level: float) -> bool:
        # Falls at once and rises by a fifth a second, so that speech does not become its own noise floor.
        self._noise = min(max(self._noise * 1.002, FLOOR / ABOVE_NOISE), max(level, FLOOR / ABOVE_NOISE))
        return level > max(FLOOR, self._noise * ABOVE_NOISE)
