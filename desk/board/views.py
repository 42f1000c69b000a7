"""The desk: all live calls on one page, which follows them by itself."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents.models import Persona
from calls.livekit.browser import origins
from calls.models import PhoneNumber
from calls.privacy.visibility import may_read_words, may_see_numbers
from desk.board.feed import feed
from desk.board.watching import SHOWN, View, Watching

STREAM_S = 60.0
"""Then the browser asks anew: whoever has logged out, or lost a permission, watches no longer than this."""
MOST_FOLLOWERS = 100
"""In one process: each is a connection that stays open."""

may_watch = permission_required("calls.view_call", raise_exception=True)


SUPERVISE = ("listen", "whisper", "take_over", "annotate", "dispatch")
"""What the page offers, by permission: `calls.listen_call` and so on."""


@require_GET
@may_watch
@csp_update({"connect-src": ["'self'", *origins()]})
def page(request: HttpRequest) -> HttpResponse:
    """The board, empty until its stream has begun."""
    context = {
        **admin.site.each_context(request),
        "title": "Live calls",
        "personas": Persona.objects.filter(live_version__isnull=False).order_by("name"),
        "numbers": PhoneNumber.objects.filter(is_active=True).order_by("label", "e164"),
        "shown": SHOWN,
        "can": [name for name in SUPERVISE if request.user.has_perm(f"calls.{name}_call")],
    }
    return render(request, "desk/board.html", context)


@require_GET
@may_watch
def stream(request: HttpRequest) -> HttpResponseBase:
    """The live calls as server-sent events, anew whenever they change.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    if feed.followers >= MOST_FOLLOWERS:
        return HttpResponse("Too many people are watching: close other windows of this page.", status=503)
    asked = request.GET
    view = View(
        words=may_read_words(request.user),
        numbers=may_see_numbers(request.user),
        persona=asked.get("persona", ""),
        number=asked.get("number", ""),
        show=asked.get("show", ""),
    )
    if not connection.in_atomic_block:
        connection.close()  # or the stream would keep one of the pool's for as long as it lasts
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx must not collect events
    return StreamingHttpResponse(_events(view), content_type="text/event-stream", headers=headers)


async def _events(view: View) -> AsyncIterator[str]:
    ends, watching = time.monotonic() + STREAM_S, Watching(view)
    yield "retry: 1000\n\n"
    async with aclosing(feed.follow()) as boards:
        async for board in boards:
            news = await asyncio.to_thread(watching.news, board)
            if news is not None:
                yield f"data: {json.dumps(news)}\n\n"
            if time.monotonic() > ends:
                return
