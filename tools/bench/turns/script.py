"""The calls of the cases: what the caller plays and waits for, and what the language model answers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from simulator.elevenlabs.voices import speaker_of
from simulator.speech.pcm import SAMPLE_RATE, trim_silence
from simulator.speech.synthesis import make_synthesizer
from tools.bench.turns.cases import Case
from tools.bench.turns.clips import Clip
from tools.measure import conversation

QUESTION = Case(
    "listening",
    "question",
    says=("Please tell me everything about your practice.",),
    spoken=("Please tell me everything about your practice.",),
    voice="joe",
)
"""What the caller asks before a case that needs an agent who speaks."""

LONG_ANSWER = (
    "This is a practice for the whole family and we do all that your teeth may need from the first visit of a child "
    "to the last crown of a grandfather and we do it in a house with a garden and a lift."
)
"""One sentence without a comma: its speech has no pause of its own that could be taken for a hesitation."""
SHORT_ANSWER = "All right I have noted that down for you."

_AFTER_ANSWER_MS = 2_000
"""How long the agent must be silent before the next case: longer than a paused agent takes to resume."""
_AFTER_REPLY_MS = 900
_REPLY_WITHIN_S = 8.0

SECONDS = {"no_interruption": 16.0, "interruption": 11.0, "listening": 8.0}
"""About how long a case of each kind takes."""


@dataclass(frozen=True)
class Answers:
    """How long the agent speaks, in seconds, from its first sound to its last, when it says an answer to its end."""

    long_s: float
    short_s: float

    @classmethod
    def spoken(cls) -> "Answers":
        """By the simulator's own voice, which says them in the calls. Raises SynthesisError."""
        return cls(*asyncio.run(_lengths(LONG_ANSWER, SHORT_ANSWER)))


async def _lengths(*texts: str) -> list[float]:
    engine = make_synthesizer("scripted")
    try:
        made = [await engine.synthesize(text, speaker_of(conversation.VOICE_ID)) for text in texts]
    finally:
        engine.close()
    return [len(trim_silence(np.frombuffer(pcm, dtype=np.int16))) / SAMPLE_RATE for pcm in made]


def groups(cases: Sequence[Case], count: int) -> list[list[Case]]:
    """Spread the cases over `count` calls, kind by kind in turn, so that the calls are alike and equally long."""
    ordered = sorted(cases, key=lambda case: case.kind)
    return [list(ordered[number::count]) for number in range(min(count, len(ordered)))]


def script(name: str, cases: Sequence[Case], clips: Mapping[str, Clip]) -> str:
    """The scenario, as YAML, of one call with these cases in a row. `clips` are by the name of their case."""
    steps: list[Any] = [{"wait_for_reply": {"timeout_s": 30, "silence_ms": _AFTER_REPLY_MS}}]
    for case in cases:
        steps += _steps(case, clips)
    document = {"name": name, "caller": {"from": "+12025550123", "steps": [*steps, "hang_up"]}, "agent": _agent(cases)}
    return yaml.safe_dump(document, sort_keys=False)


def _steps(case: Case, clips: Mapping[str, Clip]) -> list[dict[str, Any]]:
    reply = {"wait_for_reply": {"timeout_s": _REPLY_WITHIN_S, "silence_ms": _AFTER_REPLY_MS}}
    if case.kind == "listening":
        return [_play(clips[case.name]), reply]
    question = _play(clips[QUESTION.name])
    if case.silent:
        return [question, {"wait_for_reply": {"timeout_s": _REPLY_WITHIN_S, "silence_ms": _AFTER_ANSWER_MS}}]
    sound = _play(clips[case.name], case.after_ms)
    if case.kind == "interruption":
        return [question, sound, reply]
    return [question, sound, {"wait_for_silence": {"timeout_s": 30, "silence_ms": _AFTER_ANSWER_MS}}]


def _play(clip: Clip, after_ms: int | None = None) -> dict[str, Any]:
    says = [{"text": words.text, "seconds": words.seconds} for words in clip.words]
    step: dict[str, Any] = {"clip": str(clip.path), "says": says}
    return {"play": step if after_ms is None else step | {"after_ms": after_ms}}


def _agent(cases: Sequence[Case]) -> dict[str, Any]:
    """An interruption is answered as such even where a system hands it over together with the question before it."""
    rules: list[dict[str, Any]] = [{"when": ["everything about your practice"], "say": LONG_ANSWER}]
    interruptions = [" ".join(case.says) for case in cases if case.kind == "interruption"]
    if interruptions:
        rules.insert(0, {"when": interruptions, "say": SHORT_ANSWER})
    return {"default": SHORT_ANSWER, "rules": rules}
