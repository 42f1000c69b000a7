"""When a timetable is open, and when that changes: nights, holidays, and days of 23 and 25 hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from calls.timetable import Interval, SpecialDays, Timetable, WeeklyHours, conflict, overlap

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6


def interval(text: str) -> Interval:
    """`09:00-17:00`"""
    opens, closes = text.split("-")
    return Interval(time.fromisoformat(opens), time.fromisoformat(closes))


def weekly(*texts: str, days: range | list[int] = range(7)) -> list[WeeklyHours]:
    return [WeeklyHours(day, interval(text)) for day in days for text in texts]


def special(first: str, last: str = "", hours: str = "") -> SpecialDays:
    return SpecialDays(date.fromisoformat(first), date.fromisoformat(last or first), interval(hours) if hours else None)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """`2026-12-01 09:00`, by the clock on the wall."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


OFFICE = weekly("09:00-17:00", days=range(5))


@pytest.mark.parametrize(
    ("when", "is_open", "changes"),
    [
        ("2026-12-01 08:59", False, "2026-12-01 09:00"),
        ("2026-12-01 09:00", True, "2026-12-01 17:00"),
        ("2026-12-01 16:59:59", True, "2026-12-01 17:00"),
        ("2026-12-01 17:00", False, "2026-12-02 09:00"),
        ("2026-12-04 17:00", False, "2026-12-07 09:00"),  # Friday evening
    ],
)
def test_an_office_opens_and_closes_on_the_minute(when: str, is_open: bool, changes: str) -> None:
    office = Timetable(BERLIN, OFFICE)

    assert office.is_open(at(when)) is is_open
    assert office.next_change(at(when)) == at(changes)


def test_a_moment_counts_by_the_clock_of_the_hours_and_not_of_who_asks() -> None:
    office = Timetable(NEW_YORK, OFFICE)

    assert office.is_open(datetime(2026, 12, 1, 14, 0, tzinfo=UTC))
    assert not office.is_open(datetime(2026, 12, 1, 13, 59, tzinfo=UTC))
    assert office.next_change(at("2026-12-01 20:00")) == at("2026-12-01 17:00", NEW_YORK)


def test_a_day_has_several_intervals_and_a_break_between_them() -> None:
    practice = Timetable(BERLIN, weekly("14:00-18:00", "08:00-12:00", days=range(5)))

    assert practice.next_change(at("2026-12-01 09:00")) == at("2026-12-01 12:00")
    assert practice.next_change(at("2026-12-01 12:30")) == at("2026-12-01 14:00")


def test_intervals_that_touch_are_one() -> None:
    practice = Timetable(BERLIN, weekly("08:00-12:00", "12:00-18:00"))

    assert practice.next_change(at("2026-12-01 09:00")) == at("2026-12-01 18:00")


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    bar = Timetable(BERLIN, weekly("20:00-03:00", days=[FRIDAY]))

    assert bar.is_open(at("2026-12-05 02:59"))  # Saturday
    assert not bar.is_open(at("2026-12-04 02:59"))
    assert bar.next_change(at("2026-12-04 21:00")) == at("2026-12-05 03:00")


def test_sundays_night_goes_on_into_monday() -> None:
    bar = Timetable(BERLIN, weekly("22:00-02:00", days=[SUNDAY]))

    assert bar.is_open(at("2026-12-07 01:59"))


def test_midnight_ends_a_day_and_around_the_clock_nothing_changes() -> None:
    evening = Timetable(BERLIN, weekly("18:00-00:00", days=[MONDAY]))
    always = Timetable(BERLIN, weekly("00:00-00:00"))

    assert evening.next_change(at("2026-12-07 19:00")) == at("2026-12-08 00:00")
    assert always.is_open(at("2026-12-07 00:00"))
    assert always.next_change(at("2026-12-07 12:00")) is None


def test_what_never_opens_never_changes() -> None:
    assert Timetable(BERLIN, []).next_change(at("2026-12-07 12:00")) is None


def test_a_holiday_closes_from_midnight_to_midnight() -> None:
    office = Timetable(BERLIN, OFFICE, [special("2026-12-24", "2026-12-28")])

    assert not office.is_open(at("2026-12-24 10:00"))
    assert not office.is_open(at("2026-12-28 16:59"))
    assert office.next_change(at("2026-12-23 17:00")) == at("2026-12-29 09:00")


def test_a_holiday_with_hours_replaces_those_of_the_week() -> None:
    office = Timetable(
        BERLIN, OFFICE, [special("2026-12-24", hours="10:00-12:00"), special("2026-12-24", hours="13:00-14:00")]
    )

    assert office.next_change(at("2026-12-24 09:00")) == at("2026-12-24 10:00")
    assert office.next_change(at("2026-12-24 11:00")) == at("2026-12-24 12:00")
    assert office.next_change(at("2026-12-24 12:30")) == at("2026-12-24 13:00")
    assert not office.is_open(at("2026-12-24 14:00"))


def test_a_holiday_opens_a_day_that_is_usually_closed() -> None:
    office = Timetable(BERLIN, OFFICE, [special("2026-12-06", hours="10:00-16:00")])

    assert office.is_open(at("2026-12-06 12:00"))  # a Sunday


def test_a_night_ends_at_midnight_before_a_closed_day_and_goes_on_before_one_with_hours() -> None:
    bar = weekly("20:00-03:00")
    closed = Timetable(BERLIN, bar, [special("2026-12-25")])
    shorter = Timetable(BERLIN, bar, [special("2026-12-25", "2026-12-26", "22:00-01:00")])

    assert closed.next_change(at("2026-12-24 21:00")) == at("2026-12-25 00:00")
    assert shorter.next_change(at("2026-12-24 21:00")) == at("2026-12-25 03:00")
    assert shorter.next_change(at("2026-12-25 23:00")) == at("2026-12-26 01:00")


def test_a_year_of_holidays_is_not_looked_through() -> None:
    closed = Timetable(BERLIN, OFFICE, [special("2026-01-01", "2030-12-31")])

    assert closed.next_change(at("2026-12-01 12:00")) is None


class TestClocksThatAreSet:
    """In Germany on 28 March 2027 from 02:00 to 03:00, and on 25 October 2026 from 03:00 back to 02:00."""

    def test_an_office_opens_at_nine_on_the_wall_before_and_after(self) -> None:
        office = Timetable(BERLIN, weekly("09:00-17:00"))

        assert office.is_open(datetime(2027, 3, 27, 8, 0, tzinfo=UTC))
        assert not office.is_open(datetime(2027, 3, 27, 7, 59, tzinfo=UTC))
        assert office.is_open(datetime(2027, 3, 28, 7, 0, tzinfo=UTC))
        assert office.is_open(datetime(2027, 3, 28, 14, 59, tzinfo=UTC))
        assert not office.is_open(datetime(2027, 3, 28, 15, 0, tzinfo=UTC))

    def test_the_next_change_is_as_far_away_as_it_really_is(self) -> None:
        office = Timetable(BERLIN, weekly("09:00-17:00"))

        for evening, hours in (("2027-03-27 17:00", 15), ("2026-10-24 17:00", 17), ("2026-12-01 17:00", 16)):
            opens = office.next_change(at(evening))
            assert opens is not None
            assert opens.astimezone(UTC) - at(evening).astimezone(UTC) == timedelta(hours=hours)
            assert opens.hour == 9

    def test_a_night_is_an_hour_shorter_or_longer(self) -> None:
        night = Timetable(BERLIN, weekly("22:00-06:00"))

        for evening, hours in (("2027-03-27 22:00", 7), ("2026-10-24 22:00", 9)):
            closes = night.next_change(at(evening))
            assert closes is not None
            assert closes.astimezone(UTC) - at(evening).astimezone(UTC) == timedelta(hours=hours)

    def test_a_time_that_the_clock_skips_is_read_as_before(self) -> None:
        night = Timetable(BERLIN, weekly("02:30-05:00"))

        assert not night.is_open(at("2027-03-28 03:29"))
        assert night.is_open(at("2027-03-28 03:30"))

    def test_a_time_that_the_clock_shows_twice_is_the_first(self) -> None:
        night = Timetable(BERLIN, weekly("22:00-02:30"))

        assert night.is_open(at("2026-10-25 02:29"))
        assert not night.is_open(at("2026-10-25 02:30"))
        assert not night.is_open(at("2026-10-25 02:29").replace(fold=1))

    def test_around_the_clock_stays_open_where_a_zone_skips_midnight(self) -> None:
        always = Timetable(ZoneInfo("Africa/Cairo"), weekly("00:00-00:00"))
        skipped = datetime(2026, 4, 23, 22, 0, tzinfo=UTC)  # where 24 April begins at 01:00

        assert all(always.is_open(skipped + timedelta(minutes=minutes)) for minutes in (-1, 0, 1, 59, 60, 61))
        assert always.next_change(skipped - timedelta(days=1)) is None


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ((MONDAY, "09:00-12:00"), (MONDAY, "12:00-17:00"), False),
        ((MONDAY, "09:00-12:01"), (MONDAY, "12:00-17:00"), True),
        ((MONDAY, "09:00-17:00"), (MONDAY, "10:00-11:00"), True),
        ((FRIDAY, "20:00-03:00"), (SATURDAY, "02:00-10:00"), True),
        ((FRIDAY, "20:00-03:00"), (SATURDAY, "03:00-10:00"), False),
        ((SUNDAY, "22:00-02:00"), (MONDAY, "01:00-09:00"), True),
        ((SUNDAY, "22:00-02:00"), (MONDAY, "02:00-09:00"), False),
        ((MONDAY, "00:00-00:00"), (MONDAY, "23:59-00:00"), True),
        ((MONDAY, "00:00-00:00"), (1, "00:00-00:00"), False),
        ((MONDAY, "09:00-17:00"), (MONDAY, "09:00-17:00"), True),
    ],
)
def test_intervals_overlap_when_they_share_a_moment_of_the_week(
    one: tuple[int, str], other: tuple[int, str], together: bool
) -> None:
    pair = [WeeklyHours(day, interval(text)) for day, text in (one, other)]

    assert overlap(*pair) is together
    assert overlap(*reversed(pair)) is together


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        (special("2026-12-24"), special("2026-12-25"), False),
        (special("2026-12-24", "2026-12-26"), special("2026-12-26", "2026-12-31"), True),
        (special("2026-12-24"), special("2026-12-24", hours="09:00-12:00"), True),
        (special("2026-12-24", hours="09:00-12:00"), special("2026-12-24", hours="13:00-15:00"), False),
        (special("2026-12-24", hours="09:00-12:00"), special("2026-12-20", "2026-12-24", "11:00-15:00"), True),
    ],
)
def test_special_days_conflict_when_a_day_cannot_be_as_both_say(
    one: SpecialDays, other: SpecialDays, contradict: bool
) -> None:
    assert conflict(one, other) is contradict
    assert conflict(other, one) is contradict
