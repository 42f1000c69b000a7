"""A recording analyzed, and what all of them together say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.latency.conversation import Conversation, measure
from tools.latency.recordings import Side, read_recording
from tools.latency.voice_activity import find_speech
from tools.measure.arithmetic import percentile

TARGET_MS = 600
"""Reply latency that a caller should not have to wait longer than."""


@dataclass(frozen=True)
class Source:
    """A recording on disk, and what is known of its call: a Twilio account's, or nothing but the file's name."""

    path: Path
    name: str
    call_sid: str = ""
    called_number: str = ""
    recorded_at: str = ""


@dataclass(frozen=True)
class Call:
    """A recording and what was found in it."""

    source: Source
    conversation: Conversation

    @property
    def latencies_ms(self) -> list[float]:
        """The reply latencies, in the order of the call."""
        return [reply.latency_ms for reply in self.conversation.replies]


@dataclass(frozen=True)
class LeftOut:
    """A recording that was not analyzed, and why."""

    name: str
    reason: str


def analyze(source: Source, caller_channel: Side, dead_air_s: float) -> Call:
    """Read a recording and measure it. Raises ToolError."""
    recording = read_recording(source.path, caller_channel)
    caller = find_speech(recording.caller, other_side=recording.agent)
    # The agent is no telephone: it sends nothing back of what it hears.
    agent = find_speech(recording.agent)
    return Call(source, measure(caller, agent, recording.duration_s, dead_air_s))


def overall(calls: Sequence[Call]) -> dict[str, Any]:
    """The figures of all calls together, as JSON values. Percentiles are by nearest rank, None without a value."""
    talks = [call.conversation for call in calls]
    seconds = sum(talk.duration_s for talk in talks)
    overlap_s = sum(talk.overlap_s for talk in talks)
    by_caller = [each for talk in talks for each in talk.interruptions if each.by == "caller"]
    by_agent = [each for talk in talks for each in talk.interruptions if each.by == "agent"]
    dead_air = [each.lasted_s for talk in talks for each in talk.dead_air]
    return {
        "calls": len(calls),
        "minutes": round(seconds / 60, 2),
        "replies": latency_figures(latency for call in calls for latency in call.latencies_ms),
        "greeting_p50_ms": _in_ms(percentile((talk.greeting_s for talk in talks if talk.greeting_s is not None), 50)),
        "greeting_p95_ms": _in_ms(percentile((talk.greeting_s for talk in talks if talk.greeting_s is not None), 95)),
        "interruptions_by_caller": len(by_caller),
        "agent_yielded": sum(each.yielded for each in by_caller),
        "agent_silent_after_p50_ms": _rounded(percentile((each.silent_after_ms for each in _gave_way(by_caller)), 50)),
        "agent_silent_after_p95_ms": _rounded(percentile((each.silent_after_ms for each in _gave_way(by_caller)), 95)),
        "interruptions_by_agent": len(by_agent),
        "overlap_s": round(overlap_s, 3),
        "overlap_percent": round(100 * overlap_s / seconds, 2) if seconds else None,
        "dead_air": len(dead_air),
        "dead_air_s": round(sum(dead_air), 3),
        "longest_dead_air_s": round(max(dead_air), 3) if dead_air else None,
        "agent_caused_dead_air": sum(each.after == "caller" for talk in talks for each in talk.dead_air),
    }


def latency_figures(latencies_ms: Iterable[float]) -> dict[str, Any]:
    """Number, percentiles and the share that is within the target."""
    latencies = sorted(latencies_ms)
    within = sum(latency <= TARGET_MS for latency in latencies)
    figures: dict[str, Any] = {"count": len(latencies)}
    for percent in (50, 95, 99):
        figures[f"p{percent}_ms"] = _rounded(percentile(latencies, percent))
    figures["slowest_ms"] = _rounded(latencies[-1] if latencies else None)
    figures[f"within_{TARGET_MS}_ms_percent"] = round(100 * within / len(latencies), 1) if latencies else None
    return figures


def _gave_way(interruptions: Iterable[Any]) -> list[Any]:
    return [each for each in interruptions if each.yielded]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
