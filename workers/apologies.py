"""What the agent says when no provider can speak: read from disk when the process starts, in a voice of its own."""

import wave
from pathlib import Path

from agents.lines import SAMPLE_RATE, SORRY_CONNECTING, SORRY_GOODBYE

SOUNDS = Path(__file__).parent / "sounds"  # whose README.md says where they come from


def _read(name: str) -> bytes:
    with wave.open(str(SOUNDS / f"{name}.wav"), "rb") as sound:
        if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (SAMPLE_RATE, 1, 2):
            raise ValueError(f"{name}.wav is not {SAMPLE_RATE} Hz mono 16-bit PCM: convert it")
        return sound.readframes(sound.getnframes())


def timed(text: str, pcm: bytes) -> list[tuple[str, float]]:
    """Each word with its start in seconds, as if all letters took the same time."""
    words, duration_s = text.split(), len(pcm) / 2 / SAMPLE_RATE
    letters = sum(len(word) + 1 for word in words)
    starts, before = [], 0
    for word in words:
        starts.append((word, duration_s * before / letters))
        before += len(word) + 1
    return starts


SPEECH = {SORRY_GOODBYE: _read("goodbye"), SORRY_CONNECTING: _read("connecting")}
"""16 kHz mono 16-bit PCM by the words that are said."""
