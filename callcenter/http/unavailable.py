"""How the API and the pages respond when PostgreSQL is unavailable, even during authentication."""

import sys
from typing import Any

import structlog
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found, server_error
from psycopg.errors import QueryCanceled
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from callcenter.http.bad_values import EXPLANATION, UNUSABLE

log = structlog.get_logger(__name__)

# Not every error of the database: what it refuses, such as a wrong statement, is no better a second time. An
# InternalError is that of a server that has become a standby, and takes no writes.
AWAY = (OperationalError, InterfaceError, InternalError)


TRY_AGAIN = "The database is not available: try again."
TOO_SLOW = "This took the database too long: search for fewer or longer words, or for fewer days."


class UnusableValue(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = EXPLANATION
    default_code = "unusable_value"


class DatabaseAway(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = TRY_AGAIN
    default_code = "database_away"


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's EXCEPTION_HANDLER. None for what becomes a 500."""
    if isinstance(error, AWAY):
        error = DatabaseAway(_explanation(error))
    elif isinstance(error, UNUSABLE):
        log.warning("bad_value_refused", error=type(error).__name__, exc_info=error)
        error = UnusableValue()
    return exception_handler(error, context)


def answer_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler404`: JSON for the API, also where no address of it fits."""
    if request.path_info.startswith("/api/"):
        return JsonResponse({"detail": "Not found."}, status=404)
    return page_not_found(request, exception)


def answer_page_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: 503 when it is PostgreSQL's absence that no view has caught, such as the middleware's."""
    error = sys.exc_info()[1]
    if isinstance(error, AWAY):
        explanation = _explanation(error) + "\n"
        return HttpResponse(explanation, status=503, content_type="text/plain", headers={"Retry-After": "5"})
    return server_error(request)


def _explanation(error: BaseException) -> str:
    return TOO_SLOW if isinstance(error.__cause__, QueryCanceled) else TRY_AGAIN
