"""Filters of the list of calls."""

from datetime import datetime, time, timedelta
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
        first, last = (self._midnight(f"{self.field_path}_{side}") for side in ("from", "to"))
        if first:
            queryset = queryset.filter(created_at__gte=first)
        if last:
            queryset = queryset.filter(created_at__lt=last + timedelta(days=1))
        return queryset

    def _midnight(self, parameter: str) -> datetime | None:
        value: Any = self.used_parameters.get(parameter) or ""
        try:
            day = parse_date(value)
        except ValueError:
            return None
        return timezone.make_aware(datetime.combine(day, time.min)) if day else None
