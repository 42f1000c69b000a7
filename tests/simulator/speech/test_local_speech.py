"""Local speech: what Piper says, Whisper hears."""

import numpy as np

from simulator.app import running_simulator
from simulator.scenario import normalize
from simulator.speech.recognition import WhisperRecognizer
from simulator.speech.synthesis import CALLER_VOICE, make_synthesizer
from tests.simulator.conftest import SECOND
from tests.simulator.vendors.test_deepgram import FLUX, listening

SENTENCE = "The quick brown fox jumps over the lazy dog."


async def test_the_words_that_were_said_come_back() -> None:
    synthesizer = make_synthesizer("local")
    try:
        speech = await synthesizer.synthesize(SENTENCE, CALLER_VOICE)
    finally:
        synthesizer.close()
    async with (
        running_simulator(speech="local") as base_url,
        listening(base_url, f"{FLUX}&eager_eot_threshold=0.5") as flux,
    ):
        await flux.hear(SECOND, speech, SECOND)
        end = await flux.until(seconds=60, event="EndOfTurn")
    said, heard = normalize(SENTENCE).split(), normalize(end["transcript"]).split()
    assert len(heard) == len(said)
    assert sum(one != other for one, other in zip(said, heard, strict=True)) <= 1  # no two voices are the same


async def test_silence_has_no_words() -> None:
    recognizer = WhisperRecognizer()
    try:
        assert await recognizer.transcribe(np.zeros(16000, dtype=np.int16)) == ""
    finally:
        recognizer.close()
