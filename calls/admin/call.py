"""Calls: found by filter and search, read from top to bottom."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter, RelatedDropdownFilter

from agents.admin.base import HistoryAdmin, column
from calls import statistics
from calls.admin.call_page import COLOURS, call_page
from calls.admin.filters import DayRangeFilter
from calls.models import Call
from calls.narrative import readable_duration, readable_number, readable_time
from calls.states import Status


@admin.register(Call)
class CallAdmin(HistoryAdmin):
    list_display = ("state", "when", "caller", "number", "persona", "waited", "duration", "reply", "reason")
    list_display_links = ("state", "when", "caller")
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("phone_number", RelatedDropdownFilter),
        ("persona_version__persona", RelatedDropdownFilter),
        ("created_at", DayRangeFilter),
    )
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    search_fields = ("caller_number", "room_name", "sip_call_id", "twilio_call_sid", "turns__text")
    search_help_text = "Caller's number, room, SIP call id, or words that were said"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        rows: QuerySet[Call] = super().get_queryset(request)
        rows = rows.select_related("phone_number", "persona_version__persona")
        return statistics.with_position(statistics.with_median_reply(rows))

    @column("Status", ordering="status", label=COLOURS)
    def state(self, call: Call) -> tuple[str, str]:
        return (call.status, Status(call.status).label)

    @column("When", ordering="created_at")
    def when(self, call: Call) -> str:
        return readable_time(call.created_at)

    @column("Caller", ordering="caller_number")
    def caller(self, call: Call) -> str:
        return readable_number(call.caller_number) or "anonymous"

    @column("Number", ordering="phone_number__e164")
    def number(self, call: Call) -> str:
        label = call.phone_number.label if call.phone_number else ""
        return label or readable_number(call.called_number) or "not known"

    @column("Persona", ordering="persona_version__persona__name")
    def persona(self, call: Call) -> str:
        return str(call.persona_version) if call.persona_version else "–"

    @column("Waited")
    def waited(self, call: Call) -> str:
        position: int | None = getattr(call, "position", None)
        waited = readable_duration(call.wait)
        return f"{waited}, number {position} in the queue" if position else waited

    @column("Duration")
    def duration(self, call: Call) -> str:
        return readable_duration(call.duration) if call.duration is not None else "–"

    @column("Median reply", ordering="median_reply_ms")
    def reply(self, call: Call) -> str:
        median: float | None = getattr(call, "median_reply_ms", None)
        return f"{median:,.0f} ms" if median is not None else "–"

    @column("End", ordering="end_reason")
    def reason(self, call: Call) -> str:
        return call.get_end_reason_display() or "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        call = self.get_object(request, object_id)
        page = call_page(call) if call and self.has_view_permission(request, call) else None
        extra = {"page": page, "title": _title(call) if call else None, "subtitle": None}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})


def _title(call: Call) -> str:
    return f"Call from {readable_number(call.caller_number) or 'an anonymous caller'}"
