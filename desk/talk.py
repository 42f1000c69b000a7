"""Talking to a persona from the browser: the page, a ticket to a room of its own, and the transcript meanwhile.

It is a call like any other, marked as a test: LiveKit's webhook writes its row when the browser has joined.
"""

from datetime import timedelta

from auditlog.models import LogEntry
from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from access.throttling import WriteThrottle
from agents.problems import in_plain_words
from calls.admin.call_page import call_page
from calls.livekit import browser
from calls.models import Call
from calls.privacy import audit
from calls.states import ANNOUNCED
from common.permissions_policy import permissions_policy
from desk import callees

ANNOUNCED_WITHIN = timedelta(seconds=25)  # a message of 15 s, and what it takes to join; who has said it hangs up
may_talk = permission_required("calls.test_call", raise_exception=True)


@require_GET
@may_talk
def page(request: HttpRequest) -> HttpResponseBase:
    """The panel with which somebody calls."""
    callee = callees.find(request.GET.dict(), request.user)
    context = {
        **admin.site.each_context(request),
        "title": f"Talk to {callee.name}",
        "callee": callee,
    }

    @csp_update({"connect-src": ["'self'", *browser.origins()]})
    def panel(request: HttpRequest) -> HttpResponseBase:
        return render(request, "desk/talk.html", context)

    response = panel(request)
    response.headers["Permissions-Policy"] = permissions_policy("microphone")
    return response


@require_POST
@may_talk
def start(request: HttpRequest) -> JsonResponse:
    """A ticket to a new room, in which the persona answers whoever joins. Nothing is written of it until then.

    400 when nobody would answer, 429 when calls are begun too often: with an `error` in words.
    """
    callee = callees.find(request.POST.dict(), request.user)
    throttle = WriteThrottle()
    if not throttle.allow_request(request):
        return _refused(f"You have called too often. Wait {throttle.wait():.0f} seconds.", 429)
    try:
        attributes = callees.attributes(callee, request.user)
    except ValidationError as error:
        return _refused(" ".join(in_plain_words(error)), 400)
    ticket = browser.ticket(_pk(request), attributes)
    audit.record(request.user, callee.row, "called from the browser", action=LogEntry.Action.ACCESS)
    return JsonResponse({"url": ticket.url, "token": ticket.token, "room": ticket.room_name})


@require_GET
@may_talk
def progress(request: HttpRequest, room_name: str) -> HttpResponse:
    """What has happened so far in a call that the same person began, as a part of the page."""
    mine = Call.objects.filter(room_name=room_name, caller_identity__startswith=browser.identity_prefix(_pk(request)))
    call = mine.select_related("phone_number", "persona_version__persona").first()
    shown = {"page": call_page(call), "is_over": _is_over(call)} if call else {}
    return render(request, "desk/talk_progress.html", shown)


def _is_over(call: Call) -> bool:
    """Whether the browser may hang up: the row is final before its caller hears why the call ends."""
    hears_why = call.end_reason in ANNOUNCED and timezone.now() - (call.ended_at or call.created_at) < ANNOUNCED_WITHIN
    return call.is_final and not hears_why


def _pk(request: HttpRequest) -> int:
    return int(request.user.pk or 0)


def _refused(error: str, status: int) -> JsonResponse:
    return JsonResponse({"error": error}, status=status)
