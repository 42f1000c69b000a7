"""Values that no view has refused, and that the database cannot hold or compare: 400, and not an error of ours.

Django's admin, for one, hands filters of a query string to the database as they come.
"""

import re

import structlog
from django.core.exceptions import ValidationError
from django.core.paginator import InvalidPage
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from calls.phone import mask_numbers

log = structlog.get_logger(__name__)

# A NUL, a number or a time beyond the column's range; a time beyond Python's.
UNUSABLE = (DataError, OverflowError)
# What the forms of Django's admin call ids, the path of its shortcut, and what ids look like: numbers and UUIDs.
ID_FIELDS = re.compile(r"_selected_action|form-\d+-id")
SHORTCUT = re.compile(r"/admin/r/\d+/(.+)/")
ID = re.compile(r"[0-9]{1,18}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
EXPLANATION = (
    "A value in this request cannot be used: a NUL character, an id that is none, or a number or time out of range."
)


class BadValuesMiddleware(MiddlewareMixin):
    """Refuses a NUL in the address or a cookie; answers 400 where a view stumbles over what the database refuses."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Called by Django before any view."""
        if any("\0" in text for text in (request.path_info, *request.COOKIES.values())):
            return _refusal(request)
        for name, values in request.GET.lists():
            if any("\0" in text for text in (name, *values)):
                return _refusal(request, name)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called by Django for what a view, or the rendering of its page, has raised."""
        if not (isinstance(error, UNUSABLE) or _is_bad_filter(request, error) or _is_bad_id(request, error)):
            return None
        # Without the error's text: it quotes the value, which may be a number or words.
        log.warning("bad_value_refused", path=mask_numbers(request.path), error=type(error).__name__)
        return _refusal(request)


def _is_bad_filter(request: HttpRequest, error: Exception) -> bool:
    """Django's admin puts what stands in a query string into lookups, of which some raise when the list is read."""
    of_filter = isinstance(error, ValueError | InvalidPage)
    return of_filter and request.method == "GET" and bool(request.GET) and _is_admin(request)


def _is_bad_id(request: HttpRequest, error: Exception) -> bool:
    """The same with the ids that a list's form and the link to an object's own page carry."""
    if not isinstance(error, ValueError | ValidationError) or not _is_admin(request):
        return False
    ids = [each for name, values in request.POST.lists() if ID_FIELDS.fullmatch(name) for each in values]
    if found := SHORTCUT.fullmatch(request.path_info):
        ids.append(found[1])
    return any(not ID.fullmatch(each) for each in ids)


def _is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")


def _refusal(request: HttpRequest, parameter: str = "") -> HttpResponse:
    if _is_admin(request):
        return HttpResponseBadRequest(EXPLANATION + "\n", content_type="text/plain")
    answer = {parameter: ["Null characters are not allowed."]} if parameter else {"detail": EXPLANATION}
    return JsonResponse(answer, status=400)
