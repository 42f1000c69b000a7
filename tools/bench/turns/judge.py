"""What a caller's report says about each case: right, or what went wrong. Times are by the caller's ear."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from tools.bench.turns.cases import Case
from tools.bench.turns.script import Answers

Verdict = Literal["right", "false stop", "missed stop", "early reply", "late reply", "not run"]

SILENT_WITHIN_MS = 2_000.0
"""An agent that still speaks this long after the caller's first sound has not stopped for it."""
REPLY_WITHIN_MS = 1_500.0
HESITATION_MS = 200.0
"""A gap in the agent's sound that a caller notices. The answers themselves have none of more than 140 ms."""
_TOLERANCE_S = 0.6
"""How far an answer's length may be from what it should be: arrival times are right to 20 ms at each end, but a busy
machine stretches."""
_EAR_S = 0.02


@dataclass
class Outcome:
    """A case and what happened. `silence_ms` is from the caller's first sound to the agent's last of the old answer,
    `reply_ms` from the caller's last to the agent's first of the new one; `hesitations_ms` are the gaps in an answer
    that was finished all the same.
    """

    case: Case
    verdict: Verdict
    what: str = ""
    silence_ms: float | None = None
    reply_ms: float | None = None
    hesitations_ms: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"case": self.case.name, "kind": self.case.kind}


@dataclass(frozen=True)
class _Part:
    """The agent's speech from one gap of HESITATION_MS or more to the next (s after joining)."""

    first_s: float
    last_s: float
    gap_after_ms: float = 0.0
    """The gap behind it; 0 for the last part."""

    @property
    def seconds(self) -> float:
        return self.last_s - self.first_s + _EAR_S


def judge(cases: Sequence[Case], report: dict[str, Any], answers: Answers) -> list[Outcome]:
    """Judge the cases of one call, in their order, by the report of its caller (CallReport.as_dict).

    A case that the call did not get to is `not run`.
    """
    said = report["utterances"]
    position = 0
    outcomes = []
    for case in cases:
        count = 1 if case.kind == "listening" or case.silent else 2
        mine, after = said[position : position + count], said[position + count : position + count + 1]
        position += count
        if len(mine) < count:
            outcomes.append(Outcome(case, "not run", f"the call ended before it ({report['end_detail']})"))
            continue
        until_s = after[0]["started_s"] if after else report["duration_s"]
        heard = _heard(report, mine[0]["started_s"], until_s)
        if case.kind == "listening":
            outcomes.append(_listening(case, mine[0], heard))
        else:
            outcomes.append(_speaking(case, mine, heard, answers))
    return outcomes


def _heard(report: dict[str, Any], from_s: float, until_s: float) -> list[_Part]:
    """What the agent said that began between these two times."""
    stretches = [(first, last) for first, last in report["agent_spoke"] if from_s < first < until_s]
    gaps = [(pause["at_s"], pause["lasted_ms"]) for pause in report["agent_pauses"]]
    parts: list[_Part] = []
    for (first_s, last_s), (next_s, _) in zip(stretches, [*stretches[1:], (0.0, 0.0)], strict=False):
        for at_s, lasted_ms in gaps:
            if first_s <= at_s < last_s and lasted_ms >= HESITATION_MS:
                parts.append(_Part(first_s, at_s, lasted_ms))
                first_s = at_s + lasted_ms / 1000
        # counted by its frames where they came; an agent whose track stops sends none
        behind = [lasted_ms for at_s, lasted_ms in gaps if abs(at_s - last_s) < _EAR_S]
        parts.append(_Part(first_s, last_s, behind[0] if behind else max(next_s - last_s, 0.0) * 1000))
    return [*parts[:-1], replace(parts[-1], gap_after_ms=0.0)] if parts else []


def _listening(case: Case, said: dict[str, Any], heard: list[_Part]) -> Outcome:
    if not heard:
        return Outcome(case, "late reply", "no reply")
    reply_ms = (heard[0].first_s - said["ended_s"]) * 1000
    if reply_ms < -_EAR_S * 1000:
        return Outcome(case, "early reply", f"began {-reply_ms:.0f} ms before the caller had ended", reply_ms=reply_ms)
    if reply_ms > REPLY_WITHIN_MS:
        return Outcome(case, "late reply", f"after {reply_ms:.0f} ms", reply_ms=reply_ms)
    return Outcome(case, "right", reply_ms=reply_ms)


def _speaking(case: Case, said: list[dict[str, Any]], heard: list[_Part], answers: Answers) -> Outcome:
    question, sound = said[0], said[-1]
    answer = [part for part in heard if part.first_s >= question["ended_s"] - _EAR_S]
    if not answer:
        return Outcome(case, "not run", "the agent did not answer the question before it")
    if case.silent:
        return _kept_on(case, answer[0].first_s + case.after_ms / 1000, answer, answers)
    if not any(part.first_s <= sound["started_s"] <= part.last_s for part in answer):
        return Outcome(case, "not run", "the agent was not speaking when the sound came")
    if case.kind == "no_interruption":
        return _kept_on(case, sound["started_s"], answer, answers)
    return _stopped(case, sound, answer, answers)


def _kept_on(case: Case, sound_s: float, answer: list[_Part], answers: Answers) -> Outcome:
    """An answer in several parts is finished if together they are long enough; one more part is something new."""
    if abs(_seconds(answer) - answers.long_s) <= _TOLERANCE_S:
        gaps = [part.gap_after_ms for part in answer[:-1] if part.last_s >= sound_s - _EAR_S]
        return Outcome(case, "right", hesitations_ms=gaps)
    spoken_s = 0.0
    gaps = []
    for number, part in enumerate(answer):
        if number and part.seconds >= answers.long_s - _TOLERANCE_S:
            gap_ms = answer[number - 1].gap_after_ms
            what = f"stopped after {spoken_s:.1f} s and began its answer again {gap_ms:.0f} ms later"
            return Outcome(case, "false stop", what)
        spoken_s += part.seconds
        if spoken_s >= answers.long_s - _TOLERANCE_S:
            more = answer[number + 1 :]
            what = f"finished, and then said {_seconds(more):.1f} s more" if more else ""
            return Outcome(case, "right", what, hesitations_ms=gaps)
        if part.last_s >= sound_s - _EAR_S:
            gaps.append(part.gap_after_ms)
    after = f", with a gap of {gaps[0]:.0f} ms in it" if gaps[:-1] else ""
    return Outcome(case, "false stop", f"spoke {spoken_s:.1f} s, and its answer has {answers.long_s:.1f} s{after}")


def _stopped(case: Case, sound: dict[str, Any], answer: list[_Part], answers: Answers) -> Outcome:
    old, reply = _parted(answer, sound["started_s"], answers.short_s)
    silence_ms = max((old[-1].last_s - sound["started_s"]) * 1000, 0.0)
    if silence_ms > SILENT_WITHIN_MS:
        return Outcome(case, "missed stop", f"went on for {silence_ms:.0f} ms", silence_ms=silence_ms)
    if not reply:
        return Outcome(case, "missed stop", f"silent after {silence_ms:.0f} ms, but no answer", silence_ms=silence_ms)
    reply_ms = (reply[0].first_s - sound["ended_s"]) * 1000
    if reply_ms < -_EAR_S * 1000:
        what = f"began {-reply_ms:.0f} ms before the caller had ended"
        return Outcome(case, "early reply", what, silence_ms=silence_ms, reply_ms=reply_ms)
    reply_s = _seconds(reply)
    if abs(reply_s - answers.short_s) > _TOLERANCE_S:
        what = f"silent after {silence_ms:.0f} ms, but its answer of {reply_s:.1f} s is not the right one"
        return Outcome(case, "missed stop", what, silence_ms=silence_ms, reply_ms=reply_ms)
    return Outcome(case, "right", silence_ms=silence_ms, reply_ms=reply_ms)


def _parted(answer: list[_Part], sound_s: float, short_s: float) -> tuple[list[_Part], list[_Part]]:
    """The old answer and the reply: the last part that began after the sound.

    One that is too short is taken for the rest of a reply with a gap in it.
    """
    begin = len(answer)
    while answer[begin - 1].first_s > sound_s and _seconds(answer[begin:]) < short_s - _TOLERANCE_S:
        begin -= 1
    return answer[:begin], answer[begin:]


def _seconds(parts: list[_Part]) -> float:
    return sum(part.seconds for part in parts)
