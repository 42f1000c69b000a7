"""Webhooks as they came in, for whoever looks for a call that should have been there."""

from django.contrib import admin
from unfold.contrib.filters.admin import AllValuesCheckboxFilter

from agents.admin.base import HistoryAdmin
from calls.models import WebhookEvent


@admin.register(WebhookEvent)
class WebhookEventAdmin(HistoryAdmin):
    list_display = ("received_at", "kind", "room_name", "participant", "outcome")
    list_filter = (("kind", AllValuesCheckboxFilter),)
    list_filter_submit = True
    list_fullwidth = True
    search_fields = ("room_name", "event_id", "participant")
    fields = ("event_id", "kind", "room_name", "participant", "sent_at", "received_at", "outcome")
