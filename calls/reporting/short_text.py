"""What the list of calls shows, short enough for one line per call: the page of a call has the full text."""

from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from calls.models import Call
from calls.reporting.narrative import readable_duration, readable_number
from calls.states import EndReason

END_REASONS: dict[EndReason, str] = {
    EndReason.CALLER_LEFT: "Caller hung up",
    EndReason.AGENT_GOODBYE: "Agent said goodbye",
    EndReason.MAX_DURATION: "Maximum duration",
    EndReason.SILENCE: "Caller silent",
    EndReason.HUNG_UP: "Supervisor hung up",
    EndReason.PROVIDER_FAILURE: "Provider failed",
    EndReason.ROOM_GONE: "Room closed",
    EndReason.PIPELINE_ERROR: "Agent failed",
    EndReason.AGENT_LOST: "Agent lost",
    EndReason.CONNECT_FAILED: "Agent could not join",
    EndReason.CALLER_GAVE_UP: "Caller gave up",
    EndReason.NO_AGENT_FREE: "No agent free",
    EndReason.TRANSFERRED: "Transferred",
    EndReason.NO_ANSWER: "No answer",
    EndReason.BUSY: "Busy",
    EndReason.REFUSED: "Refused",
    EndReason.DIAL_FAILED: "Not placed",
    EndReason.AFTER_HOURS: "Closed",
    EndReason.AFTER_HOURS_TRANSFERRED: "Closed, transferred",
    EndReason.UNKNOWN_NUMBER: "Unknown number",
    EndReason.INACTIVE_NUMBER: "Inactive number",
    EndReason.NO_LIVE_PERSONA: "Persona not live",
}


def short_end_reason(call: Call) -> str:
    """`Caller hung up`, or a dash for a call that is not over; the row's own word for a reason of another version."""
    try:
        return END_REASONS[EndReason(call.end_reason)]
    except ValueError:
        return call.end_reason or "–"


def short_caller(call: Call, shown: Callable[[str], str]) -> str:
    """Who called: the number as `shown` writes it, `browser` or `anonymous`."""
    if call.caller_number:
        return shown(call.caller_number)
    return "browser" if call.is_test else "anonymous"


def short_number(call: Call) -> str:
    """Which number was called, by its label if it has one; `test` for a persona that was talked to without one."""
    label = call.phone_number.label if call.phone_number else ""
    return label or readable_number(call.called_number) or ("test" if call.is_test else "unknown")


def short_time(at: datetime) -> str:
    """`22 Nov, 13:02` in this year, `22 Nov 2025, 13:02` in others; in the site's time zone."""
    local = timezone.localtime(at)
    year = "" if local.year == timezone.localtime().year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


def short_wait(call: Call) -> str:
    """`12 s`, and of a call that still waits its place in the queue: `12 s, no. 3`."""
    position: int | None = getattr(call, "position", None)
    return f"{readable_duration(call.wait)}, no. {position}" if position else readable_duration(call.wait)
