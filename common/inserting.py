"""Rows that may be there already, written without looking first: one statement where get_or_create takes four.

Keys that the database counts are not read back, and no signal is sent.
"""

from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import AutoField, Field, Model


class Statement(NamedTuple):
    """SQL and its parameters."""

    sql: str
    parameters: list[Any]


def insert_once(row: Model, followed_by: Model | None = None) -> bool:
    """Write a new row, and another one with it. False, and nothing written, when the row is there already.

    It is when any of its unique values is. Raises DataError when a value does not fit its column.
    """
    statement = insertion(row)
    if followed_by is not None:
        statement = followed(Statement(f"{statement.sql} RETURNING 1", statement.parameters), followed_by)
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return bool(cursor.rowcount == 1)


def followed(write: Statement, by: Model) -> Statement:
    """The statement that does `write` and inserts a row for each one that it returns: for none, none.

    What `write` returns is the table `written`.
    """
    into, places, more = _parts(by)
    sql = f"WITH written AS ({write.sql}) INSERT INTO {into} SELECT {places} FROM written"  # noqa: S608  our names
    return Statement(sql, [*write.parameters, *more])


def insertion(row: Model, only_if: Statement | None = None) -> Statement:
    """The statement that writes a row unless it is there already: it counts 1 or 0 rows.

    `only_if` is a condition in SQL; where it does not hold, nothing is written.
    """
    into, places, parameters = _parts(row)
    where = f" WHERE {only_if.sql}" if only_if else ""
    sql = f"INSERT INTO {into} SELECT {places}{where} ON CONFLICT DO NOTHING"  # noqa: S608  our names
    return Statement(sql, parameters + (only_if.parameters if only_if else []))


def _parts(row: Model) -> tuple[str, str, list[Any]]:
    fields, into = _columns(type(row))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    return into, ", ".join(["%s"] * len(fields)), values


@cache
def _columns(model: type[Model]) -> tuple[list[Field[Any, Any]], str]:
    """The fields that the database does not fill itself, and the table with their columns."""
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column or "") for field in fields)
    return fields, f"{quote(model._meta.db_table)} ({columns})"
