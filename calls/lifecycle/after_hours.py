"""What happens to callers of a number that is closed: decided once, when the call comes in, and written into its row.

A worker that takes the call over later reads the decision there, whatever time it is by then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from calls.models import PhoneNumber
from calls.models.phone_number import AfterHours
from calls.states import EndReason


@dataclass(frozen=True, slots=True)
class Answer:
    """Which version of a persona answers a call; with a reason, none does, and a version only lends its voice."""

    version_id: int | None
    reason: EndReason | None = None
    after_hours: str = ""
    """The action of a number that is closed."""


def answer(number: PhoneNumber, at: datetime) -> Answer:
    """Who answers a number whose persona is live. One query if it has opening hours, and none otherwise."""
    if number.is_open(at):
        return Answer(number.persona.live_version_id)
    version_id, reason = _ACTIONS[AfterHours(number.after_hours)](number)
    return Answer(version_id, reason, number.after_hours)


def _message(number: PhoneNumber) -> tuple[int | None, EndReason | None]:
    return number.persona.live_version_id, EndReason.AFTER_HOURS


def _another_persona(number: PhoneNumber) -> tuple[int | None, EndReason | None]:
    other = number.after_hours_persona
    if other is None or other.live_version_id is None:
        return _message(number)
    return other.live_version_id, None


def _transfer(number: PhoneNumber) -> tuple[int | None, EndReason | None]:
    if not number.after_hours_number:
        return _message(number)
    return number.persona.live_version_id, EndReason.AFTER_HOURS_TRANSFERRED


_ACTIONS: dict[AfterHours, Callable[[PhoneNumber], tuple[int | None, EndReason | None]]] = {
    AfterHours.MESSAGE: _message,
    AfterHours.PERSONA: _another_persona,
    AfterHours.TRANSFER: _transfer,
}
"""Each returns the version that answers or lends its voice, and the call's end reason if no agent is to answer."""
