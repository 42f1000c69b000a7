"""Which calls a client asks for."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import CharFilter, FilterSet, IsoDateTimeFilter
from rest_framework.exceptions import PermissionDenied

from calls.models import Call
from calls.phone import mask_numbers
from calls.privacy.visibility import may_see_numbers


class UtcField(IsoDateTimeField):  # type: ignore[misc]  # the package has no type hints
    """A moment in UTC: PostgreSQL refuses offsets that Python takes, such as -19:02."""

    def to_python(self, value: Any) -> datetime | None:
        moment: datetime | None = super().to_python(value)
        try:
            return moment.astimezone(UTC) if moment else None
        except OverflowError as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


class UtcFilter(IsoDateTimeFilter):  # type: ignore[misc]
    field_class = UtcField


class CallFilter(FilterSet):  # type: ignore[misc]
    room_name = CharFilter(method="in_room")

    def in_room(self, calls: QuerySet[Call], name: str, room: str) -> QuerySet[Call]:
        """Whoever sees numbers masked asks for no room by the number in its name."""
        if mask_numbers(room) != room and not may_see_numbers(self.request.user):
            raise PermissionDenied("room_name: you do not have permission to find calls by caller number.")
        return calls.filter(room_name=room)

    class Meta:
        model = Call
        fields = {
            "status": ["exact"],
            "direction": ["exact"],
            "end_reason": ["exact"],
            "after_hours": ["exact"],
            "phone_number__e164": ["exact"],
            "created_at": ["gte", "lt"],
        }
        filter_overrides = {models.DateTimeField: {"filter_class": UtcFilter}}
