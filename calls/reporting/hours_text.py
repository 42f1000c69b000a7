"""Whether something is open and when that changes, in words."""

from datetime import datetime

from calls.models import OpeningHours


def tell_hours(hours: OpeningHours | None, at: datetime) -> str:
    """`Open until Tuesday, 1 Dec 2026 at 17:00 (Europe/Berlin).`, by the time zone of the hours."""
    if hours is None:
        return "Always open."
    state = "Open" if hours.timetable.is_open(at) else "Closed"
    until = hours.timetable.next_change(at)
    if until is None:
        return f"{state} for more than a year."
    return f"{state} until {until:%A}, {until.day} {until:%b %Y} at {until:%H:%M} ({hours.time_zone})."
