"""What the API answers when PostgreSQL is away, also while it reads the token."""

from typing import Any

from django.db import InterfaceError, InternalError, OperationalError
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

# Not every error of the database: what it refuses, such as a wrong statement, is no better a second time. An
# InternalError is that of a server that has become a standby, and takes no writes.
AWAY = (OperationalError, InterfaceError, InternalError)


class DatabaseAway(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database is not available: try again."
    default_code = "database_away"


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's EXCEPTION_HANDLER. None for what becomes a 500."""
    return exception_handler(DatabaseAway() if isinstance(error, AWAY) else error, context)
