"""One sentence about every call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calls.models import Call
from calls.reporting.narrative import readable_duration, readable_number, tell
from calls.states import EndReason, Status
from tests.factories import make_call, make_number, make_persona

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)
BEGINNING = "+1 202 555 0123 called Front desk (+1 202 555 0100) on 22 Nov 2026 at 13:02"


def _call(status: Status, *, wait: float = 0.4, talked: float | None = None, **values: Any) -> Call:
    """A call to Anna at the front desk that waited and talked so many seconds."""
    answered = None if talked is None else AT + timedelta(seconds=wait)
    ended = (answered + timedelta(seconds=talked)) if answered and talked is not None else AT + timedelta(seconds=wait)
    times = {"created_at": AT, "answered_at": answered}
    if status in {Status.COMPLETED, Status.FAILED, Status.MISSED, Status.REJECTED}:
        times["ended_at"] = ended
    number = make_number("+12025550100", make_persona("Anna"), label="Front desk")
    return make_call(status, number, **{"caller_number": "+12025550123", **times, **values})


@pytest.mark.parametrize(
    ("status", "seconds", "reason", "rest"),
    [
        (Status.CONNECTING, None, "", " and hears ringing: Anna v1 is joining."),
        (
            Status.COMPLETED,
            72,
            EndReason.CALLER_LEFT,
            ", waited 0.4 s, talked with Anna v1 for 1 min 12 s and the caller hung up.",
        ),
        (
            Status.COMPLETED,
            47,
            EndReason.AGENT_GOODBYE,
            ", waited 0.4 s, talked with Anna v1 for 47 s until Anna said goodbye and hung up.",
        ),
        (
            Status.COMPLETED,
            30,
            EndReason.SILENCE,
            ", waited 0.4 s, talked with Anna v1 for 30 s and fell silent, so Anna said goodbye and hung up.",
        ),
        (
            Status.COMPLETED,
            1800,
            EndReason.MAX_DURATION,
            ", waited 0.4 s, talked with Anna v1 for 30 min until the maximum duration was reached and Anna hung up.",
        ),
        (
            Status.FAILED,
            12,
            EndReason.PROVIDER_FAILURE,
            ", waited 0.4 s, talked with Anna v1 for 12 s until a speech or language provider failed; "
            "Anna apologized and hung up.",
        ),
        (
            Status.FAILED,
            12,
            EndReason.AGENT_LOST,
            ", waited 0.4 s, talked with Anna v1 for 12 s and was cut off: "
            "the agent was lost, and no other could take over.",
        ),
        (
            Status.FAILED,
            None,
            EndReason.CONNECT_FAILED,
            ", waited 0.4 s and was never answered: the agent could not join the room.",
        ),
        (
            Status.MISSED,
            None,
            EndReason.CALLER_GAVE_UP,
            ", waited 0.4 s for an agent and hung up before one was free.",
        ),
        (Status.REJECTED, None, EndReason.INACTIVE_NUMBER, " and was turned away: the called number is not active."),
        (Status.REJECTED, None, EndReason.AFTER_HOURS, ", heard the message, and was disconnected."),
        (Status.REJECTED, None, EndReason.AFTER_HOURS_TRANSFERRED, " and was transferred to another number."),
    ],
)
def test_every_call_is_described_in_one_sentence(status: Status, seconds: float | None, reason: str, rest: str) -> None:
    assert tell(_call(status, talked=seconds, end_reason=reason)) == BEGINNING + rest


def test_a_call_outside_the_opening_hours_says_so() -> None:
    call = _call(Status.COMPLETED, talked=30, end_reason=EndReason.CALLER_LEFT, after_hours=True)

    assert tell(call) == (
        "+1 202 555 0123 called Front desk (+1 202 555 0100), outside its opening hours, on 22 Nov 2026 at 13:02, "
        "waited 0.4 s, talked with Anna v1 for 30 s and the caller hung up."
    )


def test_a_caller_who_was_transferred_because_of_a_provider_was_not_cut_off() -> None:
    detail = "transferred, because llm: HTTP 429"
    call = _call(Status.FAILED, talked=12, end_reason=EndReason.PROVIDER_FAILURE, end_detail=detail)
    call.persona_version.transfer_number = "+12025550199"  # type: ignore[union-attr]  # it has one
    assert tell(call).endswith("provider failed; Anna transferred the caller to +1 202 555 0199.")


def test_a_call_in_progress_is_reported_as_such() -> None:
    assert f"{BEGINNING}, waited 0.4 s and has been talking with Anna v1 for " in tell(
        _call(Status.IN_PROGRESS, talked=0)
    )


def test_a_caller_without_a_number_and_a_number_that_nobody_knows() -> None:
    call = _call(
        Status.REJECTED,
        end_reason=EndReason.UNKNOWN_NUMBER,
        caller_number="",
        called_number="+12025550999",
        phone_number=None,
        persona_version=None,
    )
    expected = "An anonymous caller called +1 202 555 0999 on 22 Nov 2026 at 13:02 and was turned away: "
    assert tell(call) == expected + "the called number is unknown."


@pytest.mark.parametrize("reason", list(EndReason))
@pytest.mark.parametrize("status", list(Status))
def test_no_mixture_of_state_and_reason_is_left_without_a_sentence(status: Status, reason: EndReason) -> None:
    call = Call(status=status, end_reason=reason, created_at=AT, ended_at=AT, caller_number="anonymous")
    assert tell(call).endswith(".")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (59.6, "1 min"), (72, "1 min 12 s"), (3780, "1 h 3 min")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert readable_duration(timedelta(seconds=seconds)) == text


def test_what_is_no_number_stays_as_it_came() -> None:
    assert readable_number("anonymous") == "anonymous"
    assert readable_number("+442079460123") == "+44 20 7946 0123"
