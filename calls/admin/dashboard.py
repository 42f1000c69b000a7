"""The first page of the admin: what is happening now, and how the day went."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from calls.admin.call_page import COLORS
from calls.lifecycle import capacity, leases
from calls.models import Call
from calls.phone import masked
from calls.privacy.visibility import may_see_numbers
from calls.reporting import aggregates
from calls.reporting.narrative import readable_duration, readable_number
from calls.reporting.short_text import short_caller, short_end_reason, short_number, short_time
from calls.states import Status

RECENT = 10
WAITING = 10


@dataclass(frozen=True, slots=True)
class RecentCall:
    """One row of the list of recent calls, as text."""

    url: str
    status: str
    color: str
    when: str
    caller: str
    number: str
    persona: str
    duration: str
    reason: str


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """One row of the queue, as text; `position` is 1 for the caller who is next."""

    url: str
    position: int
    caller: str
    number: str
    persona: str
    waited: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK. Who may not see calls sees the page without them."""
    if not request.user.has_perm("calls.view_call"):
        return context
    day = aggregates.today()
    name = readable_number if may_see_numbers(request.user) else masked
    return {
        **context,
        "day": day,
        "cards": _cards(day),
        "bars": _bars(day),
        "waiting_calls": [_waiting(call, position, name) for position, call in enumerate(_next(), 1)],
        "recent_calls": [_row(call, name) for call in _recent()],
    }


def _cards(day: aggregates.Today) -> list[dict[str, str]]:
    rate = day.success_rate
    now = capacity.measure(leases.LEASE)
    return [
        {
            "title": "Free slots",
            "value": f"{now.free} of {now.slots}",
            "hint": "calls that can still be taken without waiting" if now.slots else "no worker is running",
        },
        {"title": "Live calls", "value": str(day.live), "hint": "ringing, connecting or talking now"},
        {"title": "Calls today", "value": str(day.total), "hint": "since midnight, including rejected calls"},
        {
            "title": "Success rate today",
            "value": f"{100 * rate:.0f} %" if rate is not None else "–",
            "hint": "completed calls out of completed, failed and missed",
        },
        {
            "title": "Reply latency today",
            "value": f"{day.median_ms:,.0f} ms" if day.median_ms is not None else "–",
            "hint": f"median; 95th percentile {day.p95_ms:,.0f} ms" if day.p95_ms is not None else "no reply yet",
        },
    ]


def _bars(day: aggregates.Today) -> list[dict[str, str | int]]:
    url, today = reverse("admin:calls_call_changelist"), timezone.localdate()
    return [
        {
            "name": status.label,
            "css": status.value,
            "count": count,
            "percent": f"{100 * count / day.total:.2f}",
            "url": f"{url}?status__exact={status.value}&created_at_from={today}",
        }
        for status, count in day.by_status.items()
        if count
    ]


def _recent() -> list[Call]:
    return list(Call.objects.select_related("phone_number", "persona_version__persona")[:RECENT])


def _next() -> list[Call]:
    return list(Call.objects.waiting().select_related("phone_number", "persona_version__persona")[:WAITING])


def _waiting(call: Call, position: int, name: Callable[[str], str]) -> WaitingCall:
    return WaitingCall(
        url=reverse("admin:calls_call_change", args=[call.pk]),
        position=position,
        caller=short_caller(call, name),
        number=short_number(call),
        persona=str(call.persona_version),
        waited=readable_duration(call.wait),
    )


def _row(call: Call, name: Callable[[str], str]) -> RecentCall:
    return RecentCall(
        url=reverse("admin:calls_call_change", args=[call.pk]),
        status=Status(call.status).label,
        color=COLORS[Status(call.status)],
        when=short_time(call.created_at),
        caller=short_caller(call, name),
        number=short_number(call),
        persona=str(call.persona_version) if call.persona_version else "–",
        duration=readable_duration(call.duration) if call.duration is not None else "–",
        reason=short_end_reason(call),
    )
