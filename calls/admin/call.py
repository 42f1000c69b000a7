"""Calls: found by filter and search, read from top to bottom."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import unescape_string_literal
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter, RelatedDropdownFilter
from unfold.views import ChangeList

from calls.admin.call_page import COLORS, call_page
from calls.admin.filters import DayRangeFilter
from calls.lifecycle import services
from calls.models import Call, Turn
from calls.phone import mask_numbers, masked
from calls.privacy import audit
from calls.privacy.visibility import may_read_words, may_see_numbers
from calls.reporting import aggregates
from calls.reporting.narrative import call_title, readable_duration, readable_number, tell
from calls.reporting.short_text import short_caller, short_end_reason, short_number, short_time, short_wait
from calls.states import Direction, Status
from common.admin import HistoryAdmin, column, page_button, searched_words, wanted_object


def _unquoted(word: str) -> str:
    return unescape_string_literal(word) if word[0] in "\"'" and word[0] == word[-1] else word


class CallList(ChangeList):  # type: ignore[misc]  # the package has no type hints
    """Looks up the latencies of one page: PostgreSQL would do it for all calls on the pages before it, too."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        medians = aggregates.median_replies(self.result_list)
        for call in self.result_list:
            call.median_reply_ms = medians.get(call.pk)


@admin.register(Call)
class CallAdmin(HistoryAdmin):
    list_display = (
        "state",
        "when",
        "caller",
        "answered_by",
        "waited",
        "duration",
        "reply",
        "reason",
    )
    list_display_links = ("state", "when", "caller")
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("direction", MultipleChoicesDropdownFilter),
        "is_test",
        "after_hours",
        ("phone_number", RelatedDropdownFilter),
        ("persona_version__persona", RelatedDropdownFilter),
        ("created_at", DayRangeFilter),
    )
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    show_full_result_count = False  # beside the number of those found; counting all takes a look at each
    search_fields = ("caller_number", "room_name", "sip_call_id", "twilio_call_sid")
    search_help_text = "Part of the caller's number, room or SIP call ID; or words in transcripts, or how they begin"
    actions_detail: ClassVar = ["hang_up_view"]

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        if may_see_numbers(request.user):
            return columns
        return [{"caller": "masked_caller"}.get(str(name), name) for name in columns]

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Whoever sees numbers masked finds no call by a part of one. LiveKit puts the number into the room's name."""
        hidden = () if may_see_numbers(request.user) else ("caller_number", "room_name")
        return tuple(name for name in self.search_fields if name not in hidden)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Call], search_term: str
    ) -> tuple[QuerySet[Call], bool]:
        """Each word, or phrase in quotes, is in one of the columns or was said.

        Who may not read what was said learns nothing about it by searching either.
        """
        for word in searched_words(request, search_term):
            queryset = queryset.filter(pk__in=self._found(request, _unquoted(word)))
        return queryset, False  # no joins, so no call twice

    def _found(self, request: HttpRequest, word: str) -> QuerySet[Any, Any]:
        in_columns = Q.create(
            [(f"{name}__icontains", word) for name in self.get_search_fields(request)], connector=Q.OR
        )
        if mask_numbers(word) == word:  # the whole name of a room without a number in it
            in_columns |= Q(room_name=word)
        calls = Call.objects.filter(in_columns).order_by().values("pk")
        if not may_read_words(request.user):
            return calls
        # A union: with OR, PostgreSQL looks into the turns once a call, and takes minutes where this takes 0.3 s.
        return calls.union(Turn.objects.saying(word).order_by().values("call"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        rows: QuerySet[Call] = super().get_queryset(request)
        rows = rows.select_related("phone_number", "persona_version__persona")
        return aggregates.with_position(aggregates.by_median_reply(rows))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Call | None:
        """The call, with what its pages are headed; its name elsewhere is its room's, in which the number may stand."""
        call: Call | None = super().get_object(request, object_id, from_field)
        if call is not None:
            call.heading = call_title(call)  # type: ignore[attr-defined]  # for unfold/helpers/header_title.html
        return call

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CallList]:
        return CallList

    @column("Status", ordering="status", label=COLORS)
    def state(self, call: Call) -> tuple[str, str]:
        return (call.status, Status(call.status).label)

    @column("When", ordering="created_at")
    def when(self, call: Call) -> str:
        return short_time(call.created_at)

    @column("Caller", ordering="caller_number")
    def caller(self, call: Call) -> str:
        return _other_side(call, readable_number)

    @column("Caller")  # not sortable: the order would tell what is masked
    def masked_caller(self, call: Call) -> str:
        return _other_side(call, masked)

    @column("Number and persona", ordering="phone_number__e164")
    def answered_by(self, call: Call) -> SafeString:
        return format_html("{}<small>{}</small>", short_number(call), call.persona_version or "")

    @column("Wait time")
    def waited(self, call: Call) -> str:
        return short_wait(call)

    @column("Talk time")
    def duration(self, call: Call) -> str:
        return readable_duration(call.duration) if call.duration is not None else "–"

    @column("Reply", ordering="median_reply_ms")  # the median
    def reply(self, call: Call) -> str:
        median: float | None = getattr(call, "median_reply_ms", None)
        return f"{median:,.0f} ms" if median is not None else "–"

    @column("End", ordering="end_reason")
    def reason(self, call: Call) -> SafeString:
        return format_html('<span title="{}">{}</span>', call.get_end_reason_display(), short_end_reason(call))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        call = self.get_object(request, object_id)
        page = None
        if call and self.has_view_permission(request, call):
            page = call_page(call, with_words=may_read_words(request.user))
            if page.bubbles:
                audit.record_access(request.user, call)
        extra = {"page": page, "title": call_title(call) if call else None, "subtitle": None}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> Any:
        """No button on the page of a call that is over."""
        shown = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold's
        call = self.get_object(request, str(object_id))  # None also for an id that cannot be one
        return shown if call and not call.is_final else []

    def has_hang_up_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("calls.dispatch_call")

    @page_button("Hang up", permission="hang_up", icon="call_end", path="hang-up")
    def hang_up_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, and hang up on POST."""
        call: Call = wanted_object(self, request, object_id)
        if request.method == "POST" or call.is_final:
            self._hang_up(request, call)
            return redirect("admin:calls_call_change", object_id=call.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Hang up",
            "original": call,
            "call": call,
            "sentence": tell(call),
        }
        return TemplateResponse(request, "admin/calls/call/hang_up.html", context)

    def _hang_up(self, request: HttpRequest, call: Call) -> None:
        if not services.hang_up(call.pk):
            messages.info(request, "The call has already ended.")
            return
        audit.record(request.user, call, "hung up")
        messages.success(request, "The call has ended. Its room is being closed.")


def _other_side(call: Call, name: Callable[[str], str]) -> str:
    """Who called, or `to` whom we called."""
    shown = short_caller(call, name)
    return f"to {shown}" if call.direction == Direction.OUTBOUND else shown
