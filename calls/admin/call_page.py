"""Everything that the page of a call shows, ready for the template: bubbles, latency bars, events, identifiers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from calls.models import Call, CallEvent, Turn
from calls.models.dead_letter import Cause
from calls.models.history import Speaker
from calls.models.phone_number import AfterHours
from calls.privacy.visibility import visible_detail
from calls.reporting.narrative import event_title, readable_duration, readable_number, readable_time, tell
from calls.states import Direction, EndReason, Status

# The color of a state's badge, in unfold's vocabulary.
COLORS: dict[str, str] = {
    Status.QUEUED: "warning",
    Status.CONNECTING: "info",
    Status.IN_PROGRESS: "primary",
    Status.COMPLETED: "success",
    Status.FAILED: "danger",
    Status.MISSED: "warning",
    Status.REJECTED: "",
}
# A stage's field, its color class in admin.css, and its name. In the order in which a reply comes to be.
STAGES = (
    ("end_of_turn_ms", "turn", "End of turn"),
    ("stt_ms", "stt", "Speech to text"),
    ("llm_ms", "llm", "Language model"),
    ("tts_ms", "tts", "Text to speech"),
    ("transport_ms", "transport", "Transport"),
)
# A reply of this length fills the bar, unless the call has a slower one. In ms.
FULL_BAR_MS = 1500
GOOD_REPLY_MS = 800
SLOW_REPLY_MS = 1500


@dataclass(frozen=True, slots=True)
class Segment:
    """A stage of a reply: its length in ms, and the share of the bar in percent."""

    css: str
    name: str
    ms: int
    percent: str


@dataclass(frozen=True, slots=True)
class Bubble:
    """One utterance. `at` is the time since the conversation began, as m:ss."""

    speaker: str
    who: str
    text: str
    at: str
    interrupted: bool
    reply_ms: int | None
    segments: list[Segment]
    speed: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of the timeline; `details` are pairs of a name and a value."""

    at: datetime
    offset: str
    title: str
    css: str
    details: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CallPage:
    """The page of one call, from top to bottom."""

    call: Call
    color: str
    sentence: str
    facts: list[tuple[str, str]]
    bubbles: list[Bubble]
    stages: list[tuple[str, str]]
    moments: list[Moment]
    identifiers: list[tuple[str, str]]
    silence: str
    end_detail: str


def call_page(call: Call, *, with_words: bool = True) -> CallPage:
    """Read the call's turns and events, one query each. Without words, nothing of what was said is in it."""
    turns = list(call.turns.all())
    shown = turns if with_words and call.erased_at is None else []
    return CallPage(
        call=call,
        color=COLORS[Status(call.status)],
        sentence=tell(call),
        facts=list(_facts(call, turns)),
        bubbles=_bubbles(call, shown),
        stages=[(css, name) for field, css, name in STAGES if any(getattr(turn, field) is not None for turn in turns)],
        moments=[_moment(call, event, with_words=with_words) for event in call.events.all()],
        identifiers=[(name, value) for name, value in _identifiers(call) if value],
        silence=_silence(call, with_words=with_words),
        end_detail=call.end_detail if with_words else "",
    )


def _silence(call: Call, *, with_words: bool) -> str:
    """The text in place of a transcript."""
    if call.erased_at is not None:
        return f"The transcript was deleted on {readable_time(call.erased_at)}."
    return "Nothing was said." if with_words else "You do not have permission to read the transcript."


def _facts(call: Call, turns: list[Turn]) -> Iterator[tuple[str, str]]:
    yield "Direction", call.get_direction_display()
    yield "Wait time", readable_duration(call.wait)
    if position := getattr(call, "position", None):
        yield "Position in queue", f"number {position}"
    yield "Talk time", readable_duration(call.duration) if call.duration is not None else "–"
    replies = sorted(turn.reply_ms for turn in turns if turn.reply_ms is not None)
    yield "Replies", str(len(replies))
    yield "Median reply", f"{_median(replies):,.0f} ms" if replies else "–"
    yield "Slowest reply", f"{replies[-1]:,} ms" if replies else "–"
    yield "Interruptions", str(sum(turn.interrupted for turn in turns))


def _median(values: list[int]) -> float:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _agent(call: Call) -> str:
    return call.persona_version.persona.name if call.persona_version else "Agent"


def _bubbles(call: Call, turns: list[Turn]) -> list[Bubble]:
    start = call.answered_at or call.created_at
    scale = max([FULL_BAR_MS, *(turn.reply_ms or 0 for turn in turns)])
    return [
        Bubble(
            speaker=turn.speaker,
            who=_agent(call) if turn.speaker == Speaker.AGENT else turn.get_speaker_display(),
            text=turn.text,
            at=_offset(turn.started_at - start),
            interrupted=turn.interrupted,
            reply_ms=turn.reply_ms,
            segments=list(_segments(turn, scale)),
            speed=_speed(turn.reply_ms),
        )
        for turn in turns
    ]


def _segments(turn: Turn, scale: int) -> Iterator[Segment]:
    for field, css, name in STAGES:
        ms = getattr(turn, field)
        if ms:
            yield Segment(css, name, ms, f"{100 * ms / scale:.2f}")


def _speed(reply_ms: int | None) -> str:
    if reply_ms is None:
        return ""
    if reply_ms <= GOOD_REPLY_MS:
        return "good"
    return "fair" if reply_ms <= SLOW_REPLY_MS else "slow"


def _offset(since: timedelta) -> str:
    seconds = max(round(since.total_seconds()), 0)
    return f"{seconds // 60}:{seconds % 60:02}"


_STATUS_TITLES = {
    Status.QUEUED: "The call came in and is waiting for an agent",
    Status.CONNECTING: "An agent took the call",
    Status.IN_PROGRESS: "The conversation began",
    Status.COMPLETED: "The call ended",
    Status.FAILED: "The call failed",
    Status.MISSED: "The call was missed",
    Status.REJECTED: "The call was rejected",
}
_OUTBOUND_TITLES = {
    **_STATUS_TITLES,
    Status.QUEUED: "The call is waiting for an agent",
    Status.MISSED: "Nobody was reached",
}
_STATUS_CSS = {
    Status.COMPLETED: "good",
    Status.IN_PROGRESS: "good",
    Status.FAILED: "bad",
    Status.MISSED: "warn",
    Status.REJECTED: "warn",
}


_BAD_WORDS = ("fail", "error", "timeout", "lost", "dead", "deaf", "mute")


def _moment(call: Call, event: CallEvent, *, with_words: bool) -> Moment:
    status = Status(event.to_status) if event.to_status in Status else None
    titles = _OUTBOUND_TITLES if call.direction == Direction.OUTBOUND else _STATUS_TITLES
    title = titles[status] if status else event_title(event.kind)
    css = _STATUS_CSS.get(status, "state") if status else _kind_css(event.kind)
    shown = visible_detail(event, with_words=with_words)
    details = [(key.replace("_", " "), _detail(key, value)) for key, value in shown.items()]
    return Moment(event.at, f"+{(event.at - call.created_at).total_seconds():.1f} s", title, css, details)


def _kind_css(kind: str) -> str:
    return "bad" if any(word in kind for word in _BAD_WORDS) else "plain"


def _detail(key: str, value: Any) -> str:
    if key == "reason" and value in EndReason:
        return str(EndReason(value).label)
    if key == "after_hours" and value in AfterHours:
        return str(AfterHours(value).label)
    if key == "why" and value in Cause:
        return str(Cause(value).label)
    return str(value)


def _identifiers(call: Call) -> Iterator[tuple[str, str]]:
    yield "Call", str(call.pk)
    yield "Room", call.room_name
    yield "Caller", readable_number(call.caller_number)
    yield "Caller's participant", call.caller_identity
    yield "SIP call id", call.sip_call_id
    yield "Twilio call SID", call.twilio_call_sid
    yield "Worker", call.lease_holder
    yield "Attempt", str(call.attempt) if call.attempt else ""
