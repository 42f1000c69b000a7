"""Webhooks as they came in, to find out why a call is missing."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AllValuesCheckboxFilter

from calls.models import WebhookEvent
from calls.phone import mask_numbers
from calls.privacy.visibility import may_see_numbers
from common.admin import HistoryAdmin, column


@admin.register(WebhookEvent)
class WebhookEventAdmin(HistoryAdmin):
    """Callers' numbers are masked in the list for who may not see them whole."""

    list_display = ("received_at", "kind", "room_name", "participant", "outcome")
    masked_columns: ClassVar = {"room_name": "masked_room", "participant": "masked_participant"}
    list_filter = (("kind", AllValuesCheckboxFilter),)
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ("room_name", "event_id", "participant")
    fields = ("event_id", "kind", "room_name", "participant", "sent_at", "received_at", "outcome")

    def get_list_display(self, request: HttpRequest) -> Any:
        """LiveKit puts the caller's number into the names of rooms and participants."""
        columns = super().get_list_display(request)
        if may_see_numbers(request.user):
            return columns
        return [self.masked_columns.get(str(name), name) for name in columns]

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.search_fields if may_see_numbers(request.user) else ("event_id",)

    @column("Room name")
    def masked_room(self, event: WebhookEvent) -> str:
        return mask_numbers(event.room_name)

    @column("Participant")
    def masked_participant(self, event: WebhookEvent) -> str:
        return mask_numbers(event.participant)
