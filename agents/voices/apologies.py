"""What a caller hears when no provider can speak: read from disk when the process starts, in voices of their own."""

import wave
from pathlib import Path

from agents.phrases import PHRASES
from agents.voices.fixed_lines import SAMPLE_RATE

SOUNDS = Path(__file__).parent / "sounds"  # whose README.md says where they come from


def _recordings() -> dict[str, bytes]:
    """16 kHz mono 16-bit PCM by the words that are said. English is recorded once for both of its countries."""
    found = {}
    for language, phrases in PHRASES.items():
        folder = SOUNDS / language.split("-")[0]
        found[phrases.goodbye] = _read(folder / "goodbye.wav")
        found[phrases.connecting] = _read(folder / "connecting.wav")
    return found


def _read(file: Path) -> bytes:
    with wave.open(str(file), "rb") as sound:
        if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (SAMPLE_RATE, 1, 2):
            raise ValueError(f"{file} is not {SAMPLE_RATE} Hz mono 16-bit PCM: convert it")
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


SPEECH = _recordings()
