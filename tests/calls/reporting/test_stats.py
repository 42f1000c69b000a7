"""`GET /stats`: right numbers, from two queries, however many ask."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from calls.lifecycle import leases
from calls.reporting import aggregates, overview
from calls.reporting.success import success_rate
from calls.states import NOT_REACHED, Direction, EndReason, Status
from common import broker
from common.broker import BROKER_ERRORS
from common.cached_value import CachedValue
from tests.factories import make_call, make_number, make_turn, make_user
from tests.product.stack import eventually
from tools.local import Instance

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No answer of an earlier test counts, and seven messages wait."""
    monkeypatch.setattr(broker, "waiting_messages", lambda _queue: 7)
    overview.overview.forget()
    yield
    overview.overview.forget()


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(make_user("", "calls.view_call"))
    return client


def stats(client: Client) -> dict[str, Any]:
    response = client.get("/stats")
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def test_strangers_and_users_without_permission_are_refused() -> None:
    nobody = Client()
    nobody.force_login(make_user())

    assert Client().get("/stats").status_code in {401, 403}
    assert nobody.get("/stats").status_code == 403


def test_a_new_installation_has_empty_numbers(reader: Client) -> None:
    none = {"replies": 0, "p50": None, "p95": None, "p99": None}

    body = stats(reader)

    assert body.pop("uptime_s") > 0
    assert body == {
        "active_calls": 0,
        "queued_calls": 0,
        "missed_calls": 0,
        "slots": {"total": 0, "free": 0},
        "workers": 0,
        "queue_length": 7,
        "success_rate": None,
        "errors": {"connection": 0, "pipeline": 0, "dispatch": 0},
        "reply_latency_ms": {"last_1_min": none, "last_5_min": none, "last_60_min": none},
        "version": configured.VERSION,
    }


def test_calls_and_slots_are_counted_as_they_are_now(reader: Client, settings: Settings) -> None:
    leases.beat("host:1", slots=10)
    leases.beat("host:2", slots=10)
    leases.beat("leaving:3", slots=10, draining=True)
    number = make_number()
    for status in (Status.QUEUED, Status.CONNECTING, Status.IN_PROGRESS, Status.IN_PROGRESS):
        make_call(status, number)
    make_call(Status.IN_PROGRESS, number, lease_holder="leaving:3")

    body = stats(reader)

    assert (body["active_calls"], body["queued_calls"], body["workers"]) == (4, 1, 2)
    assert body["slots"] == {"total": 20, "free": 16}
    overview.overview.forget()
    settings.MAX_CONCURRENT_AGENTS = 8
    assert stats(reader)["slots"] == {"total": 20, "free": 3}
    overview.overview.forget()
    settings.MAX_CONCURRENT_AGENTS = 2
    assert stats(reader)["slots"]["free"] == 0


def test_success_and_errors_are_those_of_calls_that_ended_in_the_last_hour(reader: Client) -> None:
    number, now = make_number(), timezone.now()
    for _ in range(6):
        make_call(Status.COMPLETED, number)
    for reason in (EndReason.ROOM_GONE, EndReason.PROVIDER_FAILURE, EndReason.AGENT_LOST):
        make_call(Status.FAILED, number, end_reason=reason)
    make_call(Status.MISSED, number, end_reason=EndReason.NO_AGENT_FREE)
    make_call(Status.MISSED, number)
    make_call(Status.REJECTED, number)
    make_call(Status.COMPLETED, number, end_reason=EndReason.HUNG_UP)
    make_call(Status.MISSED, number, end_reason=EndReason.HUNG_UP)
    for reason in NOT_REACHED:
        make_call(Status.MISSED, number, direction=Direction.OUTBOUND, end_reason=reason)
    long_ago = now - timedelta(minutes=61)
    make_call(Status.FAILED, number, created_at=long_ago, ended_at=long_ago)

    body = stats(reader)

    assert body["success_rate"] == round(7 / 12, 4)
    assert body["errors"] == {"connection": 1, "pipeline": 1, "dispatch": 2}
    assert body["missed_calls"] == 3 + len(NOT_REACHED)


def test_the_dashboard_and_the_stats_judge_calls_alike(reader: Client) -> None:
    number = make_number()
    make_call(Status.COMPLETED, number)
    make_call(Status.COMPLETED, number, end_reason=EndReason.HUNG_UP)
    for reason in (EndReason.CALLER_GAVE_UP, EndReason.TRANSFERRED, EndReason.HUNG_UP, *NOT_REACHED):
        make_call(Status.MISSED, number, end_reason=reason)
    make_call(Status.FAILED, number)
    make_call(Status.REJECTED, number)
    make_call(Status.IN_PROGRESS, number)

    assert (stats(reader)["success_rate"], aggregates.today().success_rate) == (0.4, 0.4)


@pytest.mark.parametrize(
    ("status", "reason", "rate"),
    [
        (Status.COMPLETED, EndReason.CALLER_LEFT, 1),
        (Status.COMPLETED, EndReason.HUNG_UP, 1),
        (Status.FAILED, EndReason.ROOM_GONE, 0),
        (Status.FAILED, EndReason.DIAL_FAILED, 0),
        (Status.MISSED, EndReason.CALLER_GAVE_UP, 0),
        (Status.MISSED, EndReason.NO_AGENT_FREE, 0),
        (Status.MISSED, EndReason.TRANSFERRED, 0),
        (Status.MISSED, EndReason.HUNG_UP, None),
        (Status.MISSED, EndReason.BUSY, None),
        (Status.REJECTED, EndReason.UNKNOWN_NUMBER, None),
        (Status.IN_PROGRESS, "", None),
    ],
)
def test_a_call_is_a_success_a_failure_or_not_judged(status: Status, reason: str, rate: float | None) -> None:
    assert success_rate({(status, reason): 3}) == rate


def test_a_long_call_that_ended_just_now_counts(reader: Client) -> None:
    make_call(Status.COMPLETED, created_at=timezone.now() - timedelta(hours=4))

    assert stats(reader)["success_rate"] == 1


def test_latencies_are_of_the_replies_of_each_window_including_calls_in_progress(reader: Client) -> None:
    now = timezone.now()
    call = make_call(Status.IN_PROGRESS, created_at=now - timedelta(minutes=90))
    replies = [(0.5, 300), (0.6, 500), (3, 900), (30, 1000), (70, 9000)]  # minutes ago, ms
    for index, (minutes, reply_ms) in enumerate(replies):
        make_turn(call, 2 * index + 3, started_at=now - timedelta(minutes=minutes), reply_ms=reply_ms).save()
    make_turn(call, 2, "Caller.", started_at=now).save()

    latency = stats(reader)["reply_latency_ms"]

    assert latency["last_1_min"] == {"replies": 2, "p50": 400.0, "p95": 490.0, "p99": 498.0}
    assert (latency["last_5_min"]["replies"], latency["last_5_min"]["p50"]) == (3, 500)
    assert (latency["last_60_min"]["replies"], latency["last_60_min"]["p50"]) == (4, 700)


def test_one_query_answers_everyone_for_a_second(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview.overview, "_clock", lambda: 0.0)  # a second is short on a busy machine
    login = 4  # session, user, and the permissions of the user and of the user's groups
    with django_assert_num_queries(login + 2):
        stats(reader)
    make_call()
    with django_assert_num_queries(3 * login):
        assert [stats(reader)["queued_calls"] for _ in range(3)] == [0, 0, 0]
    overview.overview.forget()
    assert stats(reader)["queued_calls"] == 1


def test_a_broker_that_is_away_leaves_out_the_queue_only(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_queue: str) -> int:
        raise BROKER_ERRORS[-1]("connection refused")

    monkeypatch.setattr(broker, "waiting_messages", away)
    make_call()

    body = stats(reader)

    assert (body["queue_length"], body["queued_calls"]) == (None, 1)


def test_every_error_reason_has_one_kind_and_is_not_a_success() -> None:
    kinds = [reason for reasons in overview.ERRORS.values() for reason in reasons]

    assert len(kinds) == len(set(kinds))
    assert EndReason.CALLER_LEFT not in kinds


def test_the_queue_is_as_long_as_the_broker_says(rabbitmq: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    from callcenter.celery import CALLS, app

    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        CALLS(channel).declare()
        CALLS(channel).purge()
        try:
            for _ in range(3):
                app.amqp.Producer(channel).publish({}, exchange="calls", routing_key="calls")
            eventually(lambda: broker.waiting_messages("calls") == 3, "what was published is in the queue")
        finally:
            CALLS(channel).purge()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_cached_value_is_read_again_when_it_is_old_and_when_the_last_read_failed() -> None:
    clock, values = Clock(), iter([1, 2])

    def look() -> int:
        value = next(values)
        if value == 2 and clock.now < 5:
            raise OSError("away")
        return value

    fresh = CachedValue(look, 1.0, clock)
    assert (fresh(), fresh()) == (1, 1)
    clock.now = 0.9
    assert fresh() == 1
    clock.now = 1.0
    with pytest.raises(OSError, match="away"):
        fresh()
    values = iter([3])
    assert fresh() == 3
