"""Which calls a client asks for."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import FilterSet, IsoDateTimeFilter

from calls.models import Call


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
    class Meta:
        model = Call
        fields = {
            "status": ["exact"],
            "direction": ["exact"],
            "end_reason": ["exact"],
            "room_name": ["exact"],
            "phone_number__e164": ["exact"],
            "created_at": ["gte", "lt"],
        }
        filter_overrides = {models.DateTimeField: {"filter_class": UtcFilter}}
