"""Opening hours: weekly intervals and holidays, each a row on the page of the hours."""

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import BaseInlineFormSet, TimeInput
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from calls.models import Holiday, OpeningHours, OpeningInterval
from calls.models.opening_hours import Weekday
from calls.reporting.hours_text import tell_hours
from calls.timetable import conflict, overlap
from common.admin import ModelAdmin, ModelForm, TabularInline, column

if TYPE_CHECKING:
    RowsFormSet = BaseInlineFormSet[Any, Any, Any]
else:
    RowsFormSet = BaseInlineFormSet

USUAL_WEEK = list(Weekday)[:5]


class RowForm(ModelForm):
    """A row of a table: times without seconds, and names of the fields for those who do not see the columns' heads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = str(field.label)
            if isinstance(field.widget, TimeInput):
                field.widget.format = "%H:%M"


class IntervalForm(RowForm):
    """A row of which only the weekday is filled in counts as empty."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial.get("weekday") is None:
            self.initial["weekday"] = Weekday.MONDAY  # as a browser does


class IntervalFormSet(RowsFormSet):
    """Intervals of one week, which do not overlap. New hours begin with a row for each day of a usual week."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            self.initial_extra = [{"weekday": day} for day in USUAL_WEEK]

    def clean(self) -> None:
        super().clean()
        rows = _rows(self)
        if not rows and not any(self.errors):
            raise ValidationError("Add at least one interval: without any, the numbers with these hours never open.")
        _refuse_pairs(
            rows, "opens", lambda one, other: overlap(one.as_hours, other.as_hours), "Change the times of one of them."
        )


class HolidayFormSet(RowsFormSet):
    """Holidays, of which no two say different things about the same day."""

    def clean(self) -> None:
        super().clean()
        _refuse_pairs(
            _rows(self),
            "first_day",
            lambda one, other: conflict(one.as_days, other.as_days),
            "Change the days of one of them, or give both hours that do not overlap.",
        )


def _rows(formset: RowsFormSet) -> list[Any]:
    """The forms that will be saved and have no mistake of their own."""
    return [
        form
        for form in formset.forms
        if form.is_valid()
        and (form.has_changed() or form.instance.pk)
        and not form.cleaned_data.get(DELETION_FIELD_NAME)
    ]


def _refuse_pairs(rows: list[Any], field: str, clash: Callable[[Any, Any], bool], cure: str) -> None:
    for one, other in combinations(rows, 2):
        if field not in other.errors and clash(one.instance, other.instance):
            other.add_error(field, f"Overlaps with {one.instance}. {cure}")


class IntervalInline(TabularInline):
    model = OpeningInterval
    form = IntervalForm
    formset = IntervalFormSet
    verbose_name_plural = "Weekly hours"
    show_title = False
    fields = ("weekday", "opens", "closes")

    def get_extra(self, request: HttpRequest, obj: OpeningHours | None = None, **kwargs: Any) -> int:
        return 0 if obj else len(USUAL_WEEK)


class HolidayInline(TabularInline):
    model = Holiday
    form = RowForm
    formset = HolidayFormSet
    verbose_name_plural = "Holidays, on which the weekly hours do not count"
    show_title = False
    fields = ("name", "first_day", "last_day", "opens", "closes")
    extra = 0


@admin.register(OpeningHours)
class OpeningHoursAdmin(ModelAdmin):
    fields = (("name", "time_zone"), "now")
    readonly_fields = ("now",)
    inlines: ClassVar = [IntervalInline, HolidayInline]
    list_display = ("name", "time_zone", "now", "numbers")
    list_fullwidth = True
    search_fields = ("name", "time_zone")
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpeningHours]:
        rows: Any = super().get_queryset(request)
        found: QuerySet[OpeningHours] = rows.with_entries().annotate(number_count=Count("numbers"))
        return found

    @column("Now")
    def now(self, hours: OpeningHours) -> str:
        return tell_hours(hours, timezone.now()) if hours.pk else "–"

    @column("Numbers", ordering="number_count")
    def numbers(self, hours: OpeningHours) -> SafeString | str:
        count: int = getattr(hours, "number_count", 0)
        url = reverse("admin:calls_phonenumber_changelist")
        if not count:
            return "none"
        return format_html('<a class="text-link" href="{}?opening_hours__id__exact={}">{}</a>', url, hours.pk, count)
