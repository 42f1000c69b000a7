"""A live call beside the board: what is said, and what a supervisor can do about it."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from calls.admin.call_page import call_page
from calls.models import Call, Supervision
from calls.privacy import audit
from calls.privacy.visibility import may_read_words
from calls.reporting.narrative import call_title
from desk.board.views import may_watch


@require_GET
@may_watch
def panel(request: HttpRequest, call_id: uuid.UUID) -> HttpResponse:
    """The call as a part of the page."""
    call = _call(call_id)
    shown = call_page(call, with_words=may_read_words(request.user))
    if shown.bubbles:
        audit.record_access(request.user, call)
    there = Supervision.objects.present().filter(call=call).select_related("user")
    names = {stay.identity: stay.user.get_username() for stay in there}
    context = {
        "page": shown,
        "title": call_title(call),
        "watched_by": sorted(set(names.values())),
        "speaks": names.get(call.floor_identity, ""),
    }
    return render(request, "desk/call_panel.html", context)


def _call(call_id: uuid.UUID) -> Call:
    return get_object_or_404(Call.objects.select_related("phone_number", "persona_version__persona"), pk=call_id)
