"""Messages that no worker took: what they were, why, and resending their calls."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from calls.housekeeping import dead_letters
from calls.models import DeadLetter
from calls.models.dead_letter import Cause
from calls.phone import masked
from calls.privacy.visibility import may_see_numbers
from calls.reporting.narrative import readable_number, readable_time, tell_dead_letter
from calls.reporting.short_text import short_caller
from calls.states import Status
from common.admin import HistoryAdmin, column, page_button, wanted_object


@admin.register(DeadLetter)
class DeadLetterAdmin(HistoryAdmin):
    list_display = ("when", "why", "about", "task", "sent_again")
    list_display_links = ("when", "why")
    list_filter = (("cause", ChoicesCheckboxFilter),)
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("call", "resent_by")
    search_fields = ("task", "body", "call__room_name", "call__caller_number")
    fields = ("received_at", "why", "about", "task", "reason", "message", "sent_again")
    readonly_fields = ("why", "about", "message", "sent_again")
    actions_detail: ClassVar = ["send_again_view"]

    @column("Set aside", ordering="received_at")
    def when(self, letter: DeadLetter) -> str:
        return readable_time(letter.received_at)

    @column("Why", ordering="cause")
    def why(self, letter: DeadLetter) -> str:
        return str(Cause(letter.cause).label)

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        if may_see_numbers(request.user):
            return columns
        return [{"about": "about_masked"}.get(str(name), name) for name in columns]

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.search_fields if may_see_numbers(request.user) else ("task",)

    @column("Call", ordering="call__caller_number")
    def about(self, letter: DeadLetter) -> SafeString | str:
        return self._about(letter, readable_number)

    @column("Call")
    def about_masked(self, letter: DeadLetter) -> SafeString | str:
        return self._about(letter, masked)

    def _about(self, letter: DeadLetter, name: Callable[[str], str]) -> SafeString | str:
        if letter.call is None:
            return "unknown"
        caller = short_caller(letter.call, name)
        url = reverse("admin:calls_call_change", args=[letter.call.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, f"{caller}, {_state(letter)}")

    @column("Message")
    def message(self, letter: DeadLetter) -> SafeString:
        return format_html('<div class="cc-tools"><code>{}</code></div>', letter.body or "empty")

    @column("Sent again", ordering="resent_at")
    def sent_again(self, letter: DeadLetter) -> str:
        if letter.resent_at is None:
            return "no"
        by = f" by {letter.resent_by}" if letter.resent_by else ""
        return f"{readable_time(letter.resent_at)}{by}"

    def has_resend_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("calls.resend_deadletter")

    @page_button("Send again", permission="resend", icon="forward_to_inbox", path="send-again")
    def send_again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what would be sent; send it on POST. A call that does not wait for an agent is left alone."""
        letter: DeadLetter = wanted_object(self, request, object_id)
        if letter.call is None or letter.call.status != Status.QUEUED:
            return self._nothing_sent(request, letter)
        if request.method == "POST":
            return self._send_again(request, letter)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Send the call again",
            "original": letter,
            "letter": letter,
            "sentence": tell_dead_letter(letter),
        }
        return TemplateResponse(request, "admin/calls/deadletter/send_again.html", context)

    def _send_again(self, request: HttpRequest, letter: DeadLetter) -> HttpResponse:
        user = request.user if request.user.is_authenticated else None
        if not dead_letters.send_again(letter, user):
            return self._nothing_sent(request, letter)
        self.log_change(request, letter, "Sent the call again.")
        messages.success(request, "The call was sent again: the next free slot takes the longest-waiting caller.")
        return _to(letter)

    def _nothing_sent(self, request: HttpRequest, letter: DeadLetter) -> HttpResponse:
        messages.info(request, f"Nothing was sent: {_why_not(letter)}.")
        return _to(letter)


def _to(letter: DeadLetter) -> HttpResponse:
    return redirect("admin:calls_deadletter_change", object_id=letter.pk)


def _state(letter: DeadLetter) -> str:
    return str(Status(letter.call.status).label).lower() if letter.call else ""


def _why_not(letter: DeadLetter) -> str:
    if letter.call is None:
        return "the message names no known call"
    letter.call.refresh_from_db(fields=["status"])
    return f"the call has ended ({_state(letter)})" if letter.call.is_final else "an agent already has the call"
