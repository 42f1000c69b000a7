"""The sounds of a call, made before it begins: the caller's lines in its voice, and the clips it plays."""

from pathlib import Path

import numpy as np

from simulator.caller.settings import CallError, CallerSettings
from simulator.scenario import Interrupt, Play, Say
from simulator.speech.marks import add_mark, code_of
from simulator.speech.pcm import Samples, decode_wav, resample, trim_silence
from simulator.speech.synthesis import CALLER_VOICE, SynthesisError, Synthesizer, make_synthesizer


def key_of(step: Say | Interrupt | Play) -> str:
    """By what a step's sound is found in the lines of a call: its text, or its clip."""
    return step.clip if isinstance(step, Play) else step.text


async def prepare_lines(settings: CallerSettings, synthesizer: Synthesizer | None = None) -> dict[str, Samples]:
    """Return the sound of every step that makes one, by key_of. Raises CallError.

    Lines are trimmed, so that they end with their last sound, and, when scripted, marked. Clips are played as they are.
    """
    engine = synthesizer or make_synthesizer(settings.speech)
    lines: dict[str, Samples] = {}
    try:
        for step in settings.scenario.caller.utterances():
            key = key_of(step)
            if key not in lines:
                lines[key] = _clip(settings, step) if isinstance(step, Play) else await _line(settings, key, engine)
    except SynthesisError as error:
        raise CallError(str(error)) from error
    finally:
        if synthesizer is None:
            engine.close()
    return lines


async def _line(settings: CallerSettings, text: str, engine: Synthesizer) -> Samples:
    pcm = await engine.synthesize(text, CALLER_VOICE)
    speech = trim_silence(np.frombuffer(pcm, dtype=np.int16))
    if not len(speech) or not speech.any():
        raise CallError(f"scenario {settings.scenario.name}: {text!r} has no sound: use words")
    return add_mark(speech, code_of(text)) if settings.speech == "scripted" else speech


def _clip(settings: CallerSettings, step: Play) -> Samples:
    where = f"scenario {settings.scenario.name}: clip {step.clip!r}"
    try:
        samples = resample(*decode_wav(Path(step.clip).read_bytes()))
    except OSError as error:
        raise CallError(f"{where} cannot be read ({error.strerror}): give the path of a WAV file") from error
    except ValueError as error:
        raise CallError(f"{where} cannot be played ({error}): use 16-bit mono WAV files") from error
    if not samples.any():
        raise CallError(f"{where} has no sound: use another file")
    return samples
