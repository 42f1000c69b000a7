"""The tables between tests that commit: as the migrations left them.

Django would truncate all sixty, which takes longer than most tests, and would leave out what the migrations wrote, such
as the groups: a test that needs them could run only before the first of these tests.
"""

from django.db import connection, transaction
from psycopg import sql

KEPT = "as_migrated"
"""The schema with a copy of every table."""


def keep() -> None:
    """Copy what the migrations wrote."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(KEPT)))
        for table in _tables():
            name, copy = _names(table)
            cursor.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(copy, name))


def restore() -> None:
    """Give every table that has changed its rows back. Waits for those who are still writing."""
    with transaction.atomic(), connection.cursor() as cursor:
        tables = _tables()
        names = sql.SQL(", ").join(_names(table)[0] for table in tables)
        cursor.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(names))
        cursor.execute(sql.SQL(" UNION ALL ").join(map(_changed, tables)))
        # Foreign keys are checked at the end: the order does not matter.
        for (table,) in cursor.fetchall():
            name, copy = _names(table)
            cursor.execute(sql.SQL("DELETE FROM {}").format(name))
            cursor.execute(sql.SQL("INSERT INTO {} TABLE {}").format(name, copy))


def _tables() -> list[str]:
    return sorted(connection.introspection.django_table_names(only_existing=True, include_views=False))


def _names(table: str) -> tuple[sql.Composable, sql.Composable]:
    return sql.Identifier(table), sql.Identifier(KEPT, table)


def _changed(table: str) -> sql.Composable:
    """A query for the table's name, if it has rows that the copy has not, or the other way round."""
    name, copy = _names(table)
    query = """
        SELECT {text} WHERE EXISTS (SELECT t::text FROM {name} t EXCEPT ALL SELECT t::text FROM {copy} t)
                         OR EXISTS (SELECT t::text FROM {copy} t EXCEPT ALL SELECT t::text FROM {name} t)
    """
    return sql.SQL(query).format(text=sql.Literal(table), name=name, copy=copy)
