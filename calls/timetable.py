"""When a number is open, by its own time zone: weekly hours and special days as data, without the database.

Times are those that a clock on the wall there shows. Where it is set back, a time that it shows twice is the first of
the two; where it is set forward, a time that it skips is read with the offset of before (RFC 5545, section 3.3.5).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = time(0)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
LOOKS_AHEAD_DAYS = 366
"""How far the next change is looked for."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From one time to another; to that of the next day unless it is later. 00:00 to 00:00 is the whole day."""

    opens: time
    closes: time

    @property
    def is_overnight(self) -> bool:
        return self.closes <= self.opens

    @property
    def is_empty(self) -> bool:
        return self.opens == self.closes != MIDNIGHT

    @property
    def begins(self) -> timedelta:
        """Since midnight."""
        return _since_midnight(self.opens)

    @property
    def length(self) -> timedelta:
        return _since_midnight(self.closes) - self.begins + (DAY if self.is_overnight else timedelta(0))


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """An interval that begins on this day of every week; Monday is 0."""

    weekday: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class SpecialDays:
    """Days, the last included, on which other hours replace the weekly ones; None: closed from midnight to midnight."""

    first: date
    last: date
    hours: Interval | None

    def include(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Timetable:
    """Several special days may share a date when each has hours: then all of these count.

    A night that began the day before ends at midnight where a day is closed, and goes on where it has other hours.
    """

    zone: ZoneInfo
    weekly: Sequence[WeeklyHours]
    special: Sequence[SpecialDays] = ()

    def is_open(self, at: datetime) -> bool:
        return any(opens <= at < closes for opens, closes in self._spans(at, days=2))

    def next_change(self, at: datetime) -> datetime | None:
        """When it closes, or opens, next, by its own zone; None when it does not within LOOKS_AHEAD_DAYS."""
        is_open = self.is_open(at)
        open_until = at.astimezone(UTC)
        for opens, closes in self._spans(at, LOOKS_AHEAD_DAYS):
            if not is_open and opens > at:
                return opens.astimezone(self.zone)
            if is_open and opens > open_until:
                return open_until.astimezone(self.zone)
            open_until = max(open_until, closes)
        return None

    def _spans(self, at: datetime, days: int) -> Iterator[tuple[datetime, datetime]]:
        """When it is open, in UTC and in order, from the day before `at`, whose night may not be over.

        In UTC, because Python compares two times of the same zone by the wall clock, whatever their offsets.
        """
        first = at.astimezone(self.zone).date() - DAY
        for day in (first + number * DAY for number in range(days)):
            for interval in self._hours(day):
                opens = self._moment(day, interval.opens)
                closes = self._moment(*self._end(day, interval))
                if opens < closes:
                    yield opens, closes

    def _hours(self, day: date) -> list[Interval]:
        special = [days.hours for days in self.special if days.include(day)]
        if special:
            return sorted(hours for hours in special if hours is not None)
        return sorted(each.interval for each in self.weekly if each.weekday == day.weekday())

    def _end(self, day: date, interval: Interval) -> tuple[date, time]:
        if not interval.is_overnight:
            return day, interval.closes
        is_closed = any(days.include(day + DAY) and days.hours is None for days in self.special)
        return day + DAY, MIDNIGHT if is_closed else interval.closes

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def overlap(one: WeeklyHours, other: WeeklyHours) -> bool:
    """Whether both have a moment of the week in common: after Sunday's night comes Monday."""
    begins, other_begins = (each.weekday * DAY + each.interval.begins for each in (one, other))
    return (other_begins - begins) % WEEK < one.interval.length or (
        begins - other_begins
    ) % WEEK < other.interval.length


def conflict(one: SpecialDays, other: SpecialDays) -> bool:
    """Whether both say something about the same day that cannot be true together."""
    if max(one.first, other.first) > min(one.last, other.last):
        return False
    if one.hours is None or other.hours is None:
        return True
    return overlap(WeeklyHours(0, one.hours), WeeklyHours(0, other.hours))
