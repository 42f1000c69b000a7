"""Opening hours as rows: what is refused, and that they are read with one query."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from pytest_django import DjangoAssertNumQueries

from calls.models import Holiday, OpeningHours, OpeningInterval
from calls.reporting.hours_text import tell_hours
from calls.timetable import Interval, SpecialDays, WeeklyHours
from tests.factories import ALWAYS, make_hours, make_number

pytestmark = pytest.mark.django_db

DAY = date(2026, 12, 24)


def holiday(hours: OpeningHours, **values: Any) -> Holiday:
    return Holiday(**{"hours": hours, "name": "Christmas", "first_day": DAY, "last_day": DAY, **values})


def problems(row: models.Model) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    return error.value.message_dict


def test_a_timetable_is_read_with_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    hours = make_hours("Practice", (0, "09:00", "12:30"), (6, "22:00", "02:00"), time_zone="Europe/Berlin")
    holiday(hours, last_day=date(2026, 12, 26)).save()
    holiday(hours, first_day=date(2026, 12, 31), last_day=date(2026, 12, 31), opens=time(9), closes=time(12)).save()

    with django_assert_num_queries(1):
        timetable = hours.timetable
    with django_assert_num_queries(1):
        [read_together] = OpeningHours.objects.with_entries()
        assert read_together.timetable == timetable

    assert timetable.zone == ZoneInfo("Europe/Berlin")
    assert list(timetable.weekly) == [
        WeeklyHours(0, Interval(time(9), time(12, 30))),
        WeeklyHours(6, Interval(time(22), time(2))),
    ]
    assert list(timetable.special) == [
        SpecialDays(DAY, date(2026, 12, 26), None),
        SpecialDays(date(2026, 12, 31), date(2026, 12, 31), Interval(time(9), time(12))),
    ]


@pytest.mark.parametrize("zone", ["Europe/Berln", "CEST", "../etc/passwd", ""])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    assert list(problems(OpeningHours(name="Practice", time_zone=zone))) == ["time_zone"]


def test_an_unknown_time_zone_is_named_with_the_cure() -> None:
    assert problems(OpeningHours(name="Practice", time_zone="Europe/Berln"))["time_zone"] == [
        "Europe/Berln is not a time zone. Choose one such as Europe/Berlin or UTC."
    ]


def test_new_hours_are_in_the_sites_time_zone(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"

    assert OpeningHours().time_zone == "Europe/Berlin"


def test_an_empty_interval_is_refused_and_a_whole_day_is_not() -> None:
    hours = make_hours()
    nine, midnight = time(9), time(0)

    assert problems(OpeningInterval(hours=hours, weekday=0, opens=nine, closes=nine)) == {
        "closes": ["This is when it opens. Write a different time; 00:00 to 00:00 is the whole day."]
    }
    OpeningInterval(hours=hours, weekday=0, opens=midnight, closes=midnight).full_clean()
    OpeningInterval(hours=hours, weekday=0, opens=time(22), closes=time(2)).full_clean()


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        (
            {"last_day": date(2026, 12, 23)},
            "last_day",
            "This is before the first day. Leave it empty for a single day.",
        ),
        ({"opens": time(9)}, "closes", "Write both times, or none to close all day."),
        ({"closes": time(9)}, "opens", "Write both times, or none to close all day."),
        ({"opens": time(9), "closes": time(9)}, "closes", "This is when it opens."),
        ({"first_day": None, "last_day": None}, "first_day", ""),
    ],
)
def test_a_holiday_that_cannot_be_is_refused(values: dict[str, Any], field: str, message: str) -> None:
    found = problems(holiday(make_hours(), **values))

    assert field in found
    assert message in found[field][0]


def test_a_holiday_without_a_last_day_is_one_day() -> None:
    christmas = holiday(make_hours(), last_day=None)

    christmas.full_clean()

    assert christmas.last_day == DAY


@pytest.mark.parametrize(
    "row",
    [
        {"opens": "09:00"},
        {"opens": "09:00", "closes": "09:00"},
        {"last_day": date(2026, 12, 23)},
    ],
)
def test_the_database_refuses_what_no_form_has_checked(row: dict[str, Any]) -> None:
    hours = make_hours()

    with pytest.raises(IntegrityError), transaction.atomic():
        holiday(hours, **row).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        OpeningInterval.objects.create(hours=hours, weekday=0, opens="09:00", closes="09:00")


def test_hours_that_a_number_uses_are_not_deleted() -> None:
    hours = make_hours()
    make_number(opening_hours=hours)

    with pytest.raises(models.ProtectedError):
        hours.delete()


def test_whether_it_is_open_is_told_by_its_own_clock() -> None:
    office = make_hours("", (1, "09:00", "17:00"), time_zone="America/New_York")
    noon = datetime(2026, 12, 1, 17, 0, tzinfo=UTC)

    assert tell_hours(office, noon) == "Open until Tuesday, 1 Dec 2026 at 17:00 (America/New_York)."
    assert tell_hours(office, noon.replace(hour=22)) == (
        "Closed until Tuesday, 8 Dec 2026 at 09:00 (America/New_York)."
    )
    assert tell_hours(make_hours("", *ALWAYS), noon) == "Open for more than a year."
    assert tell_hours(make_hours(), noon) == "Closed for more than a year."
    assert tell_hours(None, noon) == "Always open."
