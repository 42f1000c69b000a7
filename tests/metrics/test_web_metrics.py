"""What the web process exports of all calls: by the database, the same from every process, each thing once."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from pytest_django import DjangoAssertNumQueries

from callcenter.celery import CALLS, DEAD_CALLS, HOUSEKEEPING, app
from calls.lifecycle import services
from calls.models import Call, CallEvent, Heartbeat
from calls.models.heartbeat import SWEEP
from calls.reporting import collectors
from calls.reporting.collectors import CallCenterMetrics
from calls.states import EndReason, Status
from common import broker
from tests.factories import make_call, make_event, new_room, webhook_request
from tests.metrics.samples import samples, value
from tools.local import Instance

pytestmark = pytest.mark.django_db


class Clock:
    """A clock that is set by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Exporter:
    """One web process's collector, scraped every five seconds."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._registry = CollectorRegistry()
        self._registry.register(CallCenterMetrics(self.clock))

    def scrape(self) -> str:
        self.clock.now_s += 5
        return generate_latest(self._registry).decode()


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectors, "_of_broker", lambda: [])


def end(call: Call, status: Status, reason: EndReason) -> None:
    assert services.end_call(call.pk, status, reason)


def test_calls_and_slots_are_those_of_the_database() -> None:
    make_call(Status.QUEUED, queued_at=timezone.now() - timedelta(seconds=20))
    make_call(Status.CONNECTING, lease_holder="a:1")
    make_call(Status.IN_PROGRESS, lease_holder="c:1")
    make_call(Status.COMPLETED)
    for holder, draining in (("a:1", False), ("b:1", False), ("c:1", True)):
        Heartbeat.objects.create(holder=holder, slots=10, draining=draining)
    Heartbeat.objects.create(holder="gone:1", slots=10, seen_at=timezone.now() - timedelta(minutes=1))
    Heartbeat.objects.create(holder=SWEEP, seen_at=timezone.now() - timedelta(seconds=7))

    text = Exporter().scrape()

    assert value(text, "callcenter_calls_active") == 2
    assert value(text, "callcenter_calls_queued") == 1
    assert value(text, "callcenter_longest_wait_seconds") == pytest.approx(20, abs=5)
    assert value(text, "callcenter_slots_total") == 20
    assert value(text, "callcenter_slots_busy") == 1
    assert value(text, "callcenter_slots_free") == 18
    assert value(text, "callcenter_workers") == 2
    assert value(text, "callcenter_sweep_age_seconds") == pytest.approx(7, abs=5)
    assert value(text, "callcenter_dependency_up", dependency="postgresql") == 1


def test_an_empty_call_center_exports_zeros() -> None:
    text = Exporter().scrape()

    for name in (
        "calls_active",
        "calls_queued",
        "longest_wait_seconds",
        "slots_total",
        "slots_busy",
        "slots_free",
        "workers",
    ):
        assert value(text, f"callcenter_{name}") == 0
    ended = samples(text)["callcenter_calls_total"]
    assert set(ended.values()) == {0}
    assert frozenset({("status", "failed"), ("end_reason", "provider_failure")}) in ended


def test_a_call_that_ends_is_counted_once_by_status_and_reason() -> None:
    before = make_call(Status.IN_PROGRESS)
    end(before, Status.FAILED, EndReason.PIPELINE_ERROR)
    exporter = Exporter()
    first = exporter.scrape()
    for _ in range(2):
        end(make_call(Status.IN_PROGRESS), Status.COMPLETED, EndReason.CALLER_LEFT)
    end(make_call(Status.QUEUED), Status.MISSED, EndReason.NO_AGENT_FREE)
    exporter.scrape()
    text = exporter.scrape()

    assert value(first, "callcenter_calls_total", status="failed", end_reason="pipeline_error") == 0
    assert value(text, "callcenter_calls_total", status="completed", end_reason="caller_left") == 2
    assert value(text, "callcenter_calls_total", status="missed", end_reason="no_agent_free") == 1
    assert sum(samples(text)["callcenter_calls_total"].values()) == 3


def test_a_rejected_call_is_counted_too() -> None:
    exporter = Exporter()
    exporter.scrape()
    services.receive_call(services.IncomingCall(new_room(), "sip_1", "+12025550199", "+12025550777"))

    text = exporter.scrape()

    assert value(text, "callcenter_calls_total", status="rejected", end_reason="unknown_number") == 1


def test_an_event_that_is_committed_after_a_later_one_is_counted() -> None:
    exporter = Exporter()
    call = make_call(Status.FAILED)
    make_event(call, "noted", pk=5000).save()
    exporter.scrape()
    make_event(call, "noted", pk=5010).save()
    exporter.scrape()
    make_event(call, "failed", to_status="failed", detail={"reason": "room_gone"}, pk=5003).save()

    for _ in range(2):
        text = exporter.scrape()
        assert value(text, "callcenter_calls_total", status="failed", end_reason="room_gone") == 1


def test_a_purge_or_an_emptied_table_counts_nothing_down_and_nothing_twice() -> None:
    exporter = Exporter()
    exporter.scrape()
    end(make_call(Status.IN_PROGRESS), Status.COMPLETED, EndReason.CALLER_LEFT)
    exporter.scrape()
    CallEvent.objects.all().delete()

    text = exporter.scrape()

    assert value(text, "callcenter_calls_total", status="completed", end_reason="caller_left") == 1


def test_a_lost_lease_is_counted() -> None:
    exporter = Exporter()
    exporter.scrape()
    services.write_event(make_call(Status.IN_PROGRESS).pk, "agent_lost", attempt=1, holder="a:1")

    assert value(exporter.scrape(), "callcenter_lease_losses_total") == 1


def test_two_web_processes_say_the_same() -> None:
    one, two = Exporter(), Exporter()
    one.scrape(), two.scrape()
    end(make_call(Status.IN_PROGRESS), Status.COMPLETED, EndReason.CALLER_LEFT)

    assert samples(one.scrape()) == samples(two.scrape())


def test_a_scrape_costs_five_queries_and_another_at_once_none(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_call(Status.QUEUED)
    exporter = Exporter()
    with django_assert_num_queries(5):
        exporter.scrape()
    exporter.clock.now_s -= 5  # as if another scrape came at the same time
    with django_assert_num_queries(0):
        exporter.scrape()


def test_without_the_database_counters_stay_and_gauges_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = Exporter()
    exporter.scrape()
    end(make_call(Status.IN_PROGRESS), Status.COMPLETED, EndReason.CALLER_LEFT)
    exporter.scrape()

    def away() -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(collectors, "_capacity", away)
    text = exporter.scrape()

    assert value(text, "callcenter_dependency_up", dependency="postgresql") == 0
    assert value(text, "callcenter_calls_active") is None
    assert value(text, "callcenter_calls_total", status="completed", end_reason="caller_left") == 1


def test_webhooks_are_counted_by_what_became_of_them() -> None:
    def counted(result: str) -> float:
        return (
            collectors.registry.get_sample_value("callcenter_webhooks_total", {"source": "livekit", "result": result})
            or 0.0
        )

    before = {result: counted(result) for result in collectors.WEBHOOK_RESULTS}
    request = webhook_request("room_started", new_room())
    request.post(), request.post()
    webhook_request("track_published", new_room()).post()
    request.__class__(request.body, "forged").post()

    increases = {result: counted(result) - before[result] for result in collectors.WEBHOOK_RESULTS}
    assert increases == {
        "accepted": 1,
        "duplicate": 1,
        "ignored": 1,
        "bad_signature": 1,
        "bad_body": 0,
        "unavailable": 0,
    }


class TestBroker:
    @pytest.fixture(autouse=True)
    def no_broker(self) -> None:
        """A real one, unlike above."""

    def test_messages_that_wait_are_counted_by_queue(self, rabbitmq: Instance) -> None:
        with app.connection_for_write() as connection:
            for queue in (CALLS, HOUSEKEEPING, DEAD_CALLS):
                declared = queue(connection.default_channel)
                declared.declare()
                declared.purge()
        app.send_task("workers.run_call", args=["nobody"])

        text = Exporter().scrape()

        assert value(text, "callcenter_queue_length", queue="calls") == 1
        assert value(text, "callcenter_queue_length", queue="calls.dead") == 0
        assert value(text, "callcenter_dependency_up", dependency="rabbitmq") == 1
        with app.connection_for_write() as connection:
            CALLS(connection.default_channel).purge()

    def test_a_broker_that_is_away_is_said_to_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(queue: str) -> None:
            raise ConnectionRefusedError(queue)

        monkeypatch.setattr(broker, "waiting_messages", refuse)

        text = Exporter().scrape()

        assert value(text, "callcenter_dependency_up", dependency="rabbitmq") == 0
        assert "callcenter_queue_length" not in samples(text)
