"""Pages of lists, by cursors that may not have come from us."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from rest_framework import exceptions, pagination
from rest_framework.pagination import Cursor
from rest_framework.request import Request


class _CheckedCursors(pagination.CursorPagination):
    """Refuses a cursor whose position is not a value of the column that the list is ordered by."""

    column: ClassVar[models.Field[Any, Any]]

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Raises ValidationError for an invalid cursor."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is None or cursor.position is None:
                return cursor
            position: Any = self._checked(cursor.position)
            return cursor._replace(position=position)
        except (exceptions.NotFound, ValidationError, OverflowError) as error:
            problem = "Invalid cursor: start without one, then follow next and previous."
            raise exceptions.ValidationError({self.cursor_query_param: [problem]}) from error

    def _checked(self, position: Any) -> str:
        value = self.column.clean(position, None)
        # PostgreSQL refuses offsets that Python takes.
        return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


class NewestFirst(_CheckedCursors):
    """Pages stay stable while new calls come in."""

    ordering = ("-created_at", "-id")
    column = models.DateTimeField()


class OldestFirst(_CheckedCursors):
    """Pages stay stable while rows are added."""

    ordering = "id"
    column = models.BigIntegerField()
