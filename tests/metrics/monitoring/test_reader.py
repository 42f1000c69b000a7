"""The dashboards' role sees times and numbers of calls, and nothing of who called or what was said."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql as identifiers

from calls.reporting import database_role
from tests.factories import make_call, make_event, make_turns
from tests.metrics.monitoring.provisioned import sql
from tests.services import INSTANCE
from tools.local.instance import READER
from tools.local.ports import LOOPBACK

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader(transactional_db: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        host=LOOPBACK,
        port=INSTANCE.postgres_port,
        user=READER,
        password=INSTANCE.postgres_reader_password,
        dbname=settings.DATABASES["default"]["NAME"],
        autocommit=True,
    ) as found:
        yield found


def test_every_query_of_the_dashboards_is_answered(reader: psycopg.Connection) -> None:
    call = make_call()
    make_turns(call, "Hello.", "Hello!", "How are you?")
    make_event(call, "dtmf", detail={"digit": "1"}).save()
    queries = sql(str(call.pk))
    found = {where: reader.execute(query.encode()).fetchall() for where, query in queries}

    assert len(found) == len(queries) > 10
    assert [row[1] for row in found["call: call"]] == [str(call.pk)]
    assert [row[0] for row in found["call: Each reply by stage"]] == ["3"]
    assert [row[1] for row in found["call: Events"]] == ["dtmf"]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("calls_call", "caller_number"),
        ("calls_call", "caller_identity"),
        ("calls_call", "room_name"),
        ("calls_turn", "text"),
        ("calls_callevent", "detail"),
        ("calls_webhookevent", "participant"),
        ("calls_deadletter", "body"),
        ("agents_personaversion", "prompt"),
        ("auth_user", "password"),
        ("django_session", "session_data"),
    ],
)
def test_what_callers_said_and_who_they_are_is_closed(table: str, column: str, reader: psycopg.Connection) -> None:
    query = identifiers.SQL("SELECT {} FROM {}").format(identifiers.Identifier(column), identifiers.Identifier(table))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(query)


def test_a_table_that_is_not_named_is_closed(reader: psycopg.Connection) -> None:
    readable = reader.execute(
        "SELECT DISTINCT table_name FROM information_schema.column_privileges"
        " WHERE grantee = current_user AND table_schema = 'public'"
    ).fetchall()

    assert {table for (table,) in readable} == set(database_role.COLUMNS)


def test_the_reader_writes_nothing(reader: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("CREATE TABLE mine (id int)")
    reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("DELETE FROM calls_heartbeat")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("CREATE TABLE mine (id int)")


def test_a_query_that_takes_too_long_is_ended(reader: psycopg.Connection) -> None:
    assert reader.execute("SHOW statement_timeout").fetchone() == ("10s",)


def test_every_named_column_exists() -> None:
    with connection.cursor() as cursor:
        found = database_role._existing(cursor)

    assert {table: set(columns) for table, columns in found.items()} == {
        table: set(columns) for table, columns in database_role.COLUMNS.items()
    }


def test_what_was_given_by_hand_is_taken_again_by_the_next_migrate(reader: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT ON calls_turn TO {READER}")
    reader.execute("SELECT text FROM calls_turn")

    database_role.grant_after_migrate(using="default", plan=[])

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("SELECT text FROM calls_turn")


def test_without_the_role_migrations_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_role, "READER", f"nobody_{uuid.uuid4().hex}")

    assert not database_role.grant()
