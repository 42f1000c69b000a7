"""Filters of the list of calls."""

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from calls.models import Call

if TYPE_CHECKING:
    from django.contrib.admin import FieldListFilter as RangeDateFilter
else:
    from unfold.contrib.filters.admin import RangeDateFilter


class DayRangeFilter(RangeDateFilter):
    """From one day to another, both included, in the site's time zone. A date that cannot be read is left out."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> QuerySet[Call]:
        first = self._midnight(f"{self.field_path}_from")
        last = self._midnight(f"{self.field_path}_to", plus=timedelta(days=1))
        if first:
            queryset = queryset.filter(created_at__gte=first)
        if last:
            queryset = queryset.filter(created_at__lt=last)
        return queryset

    def _midnight(self, parameter: str, plus: timedelta = timedelta()) -> datetime | None:
        value: Any = self.used_parameters.get(parameter) or ""
        try:
            day = parse_date(value)
            return timezone.make_aware(datetime.combine(day + plus, time.min)).astimezone(UTC) if day else None
        except (ValueError, TypeError, OverflowError):  # no date, a list of dates, a date at the end of time
            return None
