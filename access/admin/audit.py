"""The audit log and logins, read-only."""

from typing import Any

from auditlog.models import LogEntry
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin import ModelAdmin as PlainAdmin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RelatedDropdownFilter

from access.audit_text import happened, shown_changes
from common.admin import HistoryAdmin, column

for model in (LogEntry, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(LogEntry)
class LogEntryAdmin(HistoryAdmin):
    list_display = ("timestamp", "who", "did", "what", "remote_addr")
    list_display_links = ("timestamp", "did")
    list_filter = (
        ("action", ChoicesCheckboxFilter),
        ("actor", RelatedDropdownFilter),
        ("content_type", RelatedDropdownFilter),
    )
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("actor", "content_type")
    search_fields = ("object_pk", "object_repr", "actor__username")
    fields = ("timestamp", "who", "did", "what", "object_pk", "remote_addr", "differences")
    readonly_fields = ("who", "did", "what", "differences")

    @column("User", ordering="actor__username")
    def who(self, entry: LogEntry) -> str:
        return str(entry.actor or entry.actor_email or "the system")

    @column("Action")
    def did(self, entry: LogEntry) -> str:
        return happened(entry)

    @column("Object", ordering="object_repr")
    def what(self, entry: LogEntry) -> str:
        return f"{entry.content_type.name}: {entry.object_repr}"

    @column("Changes")
    def differences(self, entry: LogEntry) -> SafeString:
        return format_html_join("", "<div><strong>{}</strong>: {} → {}</div>", shown_changes(entry))


class LoginAdmin(HistoryAdmin):
    list_display = ("attempt_time", "username", "ip_address")
    list_fullwidth = True
    search_fields = ("username", "ip_address")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "path_info")


admin.site.register(AccessLog, LoginAdmin)
admin.site.register(AccessFailureLog, LoginAdmin)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(HistoryAdmin):
    """Wrong passwords that still count. Deleting a row lets its user try again at once."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    list_fullwidth = True
    search_fields = ("username", "ip_address")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "path_info", "failures_since_start")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        allowed: Any = PlainAdmin.has_delete_permission(self, request, obj)
        return bool(allowed)
