"""When numbers are open: weekly hours and holidays in a time zone, shared by as many numbers as one likes."""

from collections.abc import Collection
from datetime import date, time
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, OuterRef, Q
from django.db.models.functions import JSONObject

from calls.timetable import MIDNIGHT, Interval, SpecialDays, Timetable, WeeklyHours

WHOLE_DAY = Q(opens=MIDNIGHT, closes=MIDNIGHT)


@cache  # Python opens a file per zone to list them
def time_zones() -> list[tuple[str, str]]:
    """The IANA time zones, as choices, without two names that are no place's."""
    return [(name, name) for name in sorted(available_timezones() - {"Factory", "localtime"})]


def site_time_zone() -> str:
    return str(settings.TIME_ZONE)


class Weekday(models.IntegerChoices):
    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class OpeningHoursQuerySet(models.QuerySet["OpeningHours"]):
    def with_entries(self) -> "OpeningHoursQuerySet":
        """Bring all that `timetable` needs in the same query."""
        weekly = OpeningInterval.objects.filter(hours=OuterRef("pk")).order_by()
        special = Holiday.objects.filter(hours=OuterRef("pk")).order_by()
        times = {"opens": "opens", "closes": "closes"}
        return self.annotate(
            weekly_entries=ArraySubquery(weekly.values(entry=JSONObject(weekday="weekday", **times))),
            special_entries=ArraySubquery(
                special.values(entry=JSONObject(first="first_day", last="last_day", **times))
            ),
        )


class OpeningHours(models.Model):
    """Several numbers may share them. A number without any is always open."""

    name = models.CharField(max_length=100, unique=True, help_text="For example Practice, or Support on weekdays.")
    time_zone = models.CharField(
        max_length=64,
        choices=time_zones,
        default=site_time_zone,
        help_text="Of all times below. Daylight saving time is taken into account.",
        error_messages={"invalid_choice": "%(value)s is not a time zone. Choose one such as Europe/Berlin or UTC."},
    )

    objects = OpeningHoursQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = verbose_name_plural = "opening hours"

    def __str__(self) -> str:
        return self.name

    @cached_property
    def timetable(self) -> Timetable:
        """When these are open. One query, unless `with_entries` has made it."""
        read: Any = self if hasattr(self, "weekly_entries") else OpeningHours.objects.with_entries().get(pk=self.pk)
        return Timetable(
            ZoneInfo(self.time_zone),
            [WeeklyHours(int(entry["weekday"]), _interval(entry)) for entry in read.weekly_entries],
            [_special_days(entry) for entry in read.special_entries],
        )


class OpeningInterval(models.Model):
    """Open on this day of every week, between these times; a day may have several."""

    hours = models.ForeignKey(OpeningHours, on_delete=models.CASCADE, related_name="intervals")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    opens = models.TimeField(help_text="For example 09:00.")
    closes = models.TimeField(
        help_text="Earlier than it opens: on the next day. 00:00 is midnight; from 00:00 to 00:00 is the whole day."
    )

    class Meta:
        ordering = ["weekday", "opens"]
        verbose_name = "interval"
        constraints = [models.CheckConstraint(condition=~Q(opens=F("closes")) | WHOLE_DAY, name="an_interval_lasts")]

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).label} {_written(self.as_hours.interval)}"

    @property
    def as_hours(self) -> WeeklyHours:
        return WeeklyHours(self.weekday, Interval(self.opens, self.closes))

    def clean(self) -> None:
        super().clean()
        if self.opens is not None and self.closes is not None:  # else their own fields say so
            _check_interval(Interval(self.opens, self.closes))


class Holiday(models.Model):
    """Days on which the weekly hours do not count: closed, or open at other times."""

    hours = models.ForeignKey(OpeningHours, on_delete=models.CASCADE, related_name="holidays")
    name = models.CharField(max_length=100, help_text="For example Christmas.")
    first_day = models.DateField()
    last_day = models.DateField(blank=True, help_text="Empty: the same day.")
    opens = models.TimeField(null=True, blank=True, help_text="Empty: closed all day.")
    closes = models.TimeField(null=True, blank=True, help_text="Empty: closed all day.")

    class Meta:
        ordering = ["first_day", "opens"]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="a_holiday_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(opens=None, closes=None)
                | (Q(opens__isnull=False, closes__isnull=False) & (~Q(opens=F("closes")) | WHOLE_DAY)),
                name="a_holiday_is_closed_or_has_hours",
            ),
        ]

    def __str__(self) -> str:
        days = f"{self.first_day}" if self.last_day == self.first_day else f"{self.first_day} to {self.last_day}"
        hours = self.as_days.hours
        return f"{self.name}, {days}, {_written(hours) if hours else 'closed'}"

    @property
    def as_days(self) -> SpecialDays:
        hours = None
        if self.opens is not None and self.closes is not None:
            hours = Interval(self.opens, self.closes)
        return SpecialDays(self.first_day, self.last_day, hours)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        self.last_day = self.last_day or self.first_day
        super().clean_fields(exclude)

    def clean(self) -> None:
        super().clean()
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValidationError({"last_day": "This is before the first day. Leave it empty for a single day."})
        if (self.opens is None) != (self.closes is None):
            missing = "opens" if self.opens is None else "closes"
            raise ValidationError({missing: "Write both times, or none to close all day."})
        if self.opens is not None and self.closes is not None:
            _check_interval(Interval(self.opens, self.closes))


def _check_interval(interval: Interval) -> None:
    if interval.is_empty:
        raise ValidationError(
            {"closes": "This is when it opens. Write a different time; 00:00 to 00:00 is the whole day."}
        )


def _written(interval: Interval) -> str:
    return f"{interval.opens:%H:%M}–{interval.closes:%H:%M}"


def _interval(entry: dict[str, str]) -> Interval:
    return Interval(time.fromisoformat(entry["opens"]), time.fromisoformat(entry["closes"]))


def _special_days(entry: dict[str, str | None]) -> SpecialDays:
    told = {key: value for key, value in entry.items() if value is not None}
    hours = _interval(told) if "opens" in told else None
    return SpecialDays(date.fromisoformat(told["first"]), date.fromisoformat(told["last"]), hours)
