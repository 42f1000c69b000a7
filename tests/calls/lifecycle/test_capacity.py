"""Free slots are the same number wherever they are shown, and callers held back by their own number take none."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from pytest_django import Settings

from calls.lifecycle import capacity, leases, limits
from calls.lifecycle.capacity import Capacity
from calls.models import Call
from calls.reporting import collectors, overview
from calls.states import Status
from common import broker
from tests.factories import client_of, make_call, make_number

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "waiting_messages", lambda _queue: 0)


def measured() -> Capacity:
    return capacity.measure(leases.LEASE)


def waiting(count: int, **values: Any) -> list[Call]:
    return [make_call(Status.QUEUED, **values) for _ in range(count)]


def test_a_call_in_a_slot_and_a_caller_who_is_about_to_take_one_leave_fewer_free() -> None:
    leases.beat("host:1", slots=10)
    make_call(Status.IN_PROGRESS, lease_holder="host:1")
    make_call(Status.CONNECTING, lease_holder="host:1")
    waiting(3)

    assert measured() == Capacity(workers=1, slots=10, held=2, busy=2, queued=3, next_up=3)
    assert measured().free == 5


def test_callers_held_back_by_their_own_numbers_limit_take_no_slot() -> None:
    leases.beat("host:1", slots=10)
    number = make_number(max_calls=2)
    make_call(Status.IN_PROGRESS, number, lease_holder="host:1")
    waiting(4, number=number)

    assert (measured().queued, measured().next_up, measured().free) == (4, 1, 8)


def test_a_limit_that_was_lowered_below_the_calls_in_progress_frees_nothing() -> None:
    leases.beat("host:1", slots=10)
    number = make_number(max_calls=1)
    for _ in range(3):
        make_call(Status.IN_PROGRESS, number, lease_holder="host:1")
    waiting(2, number=number)

    assert (measured().next_up, measured().free) == (0, 7)


@pytest.mark.parametrize("values", [{"overflowed": True}, {"answered_at": timezone.now() - timedelta(minutes=1)}])
def test_who_overflowed_or_lost_an_agent_takes_a_slot_beyond_the_numbers_limit(values: dict[str, Any]) -> None:
    leases.beat("host:1", slots=10)
    number = make_number(max_calls=1)
    make_call(Status.IN_PROGRESS, number, lease_holder="host:1")
    waiting(2, number=number, **values)

    assert (measured().next_up, measured().free) == (2, 7)


def test_calls_of_a_draining_worker_take_no_slot_of_the_others_but_count_for_the_whole_center(
    settings: Settings,
) -> None:
    leases.beat("host:1", slots=4)
    leases.beat("host:2", slots=4, draining=True)
    for _ in range(3):
        make_call(Status.IN_PROGRESS, lease_holder="host:2")

    assert (measured().slots, measured().held, measured().busy, measured().free) == (4, 3, 0, 4)
    settings.MAX_CONCURRENT_AGENTS = 5
    assert measured().free == 2


def test_never_fewer_than_none_are_free() -> None:
    leases.beat("host:1", slots=1)
    waiting(5)

    assert measured().free == 0


def test_what_is_counted_as_about_to_take_a_slot_is_what_a_claim_would_take() -> None:
    full, open_, overflowed = make_number(max_calls=1), make_number(max_calls=9), make_number(max_calls=1)
    for number in (full, overflowed):
        make_call(Status.IN_PROGRESS, number)
    for number in (full, open_):
        waiting(2, number=number)
    waiting(1, number=overflowed, overflowed=True)

    assert measured().next_up == limits.claimable().count() == 3


def shown_free(settings: Settings) -> dict[str, int]:
    """Free slots as each place tells them."""
    overview.overview.forget()
    browser = client_of(superuser=True)
    [card] = [card for card in browser.get("/admin/").context["cards"] if card["title"] == "Free slots"]
    registry = CollectorRegistry()
    registry.register(collectors.CallCenterMetrics())
    [exported] = [
        line for line in generate_latest(registry).decode().splitlines() if line.startswith("callcenter_slots_free ")
    ]
    settings.INBOUND_RESERVE = 1000
    refusal = limits.refusal(make_number(), leases.LEASE) or ""
    ready = Client().get("/health/ready?exclude=postgresql&exclude=rabbitmq&exclude=livekit").json()["checks"]["slots"]
    return {
        "dashboard": int(card["value"].split(" of ")[0]),
        "/stats": browser.get("/stats").json()["slots"]["free"],
        "metrics": int(float(exported.split()[1])),
        "limits": int(refusal.removeprefix("slots free: ").split(",")[0]),
        "/health/ready": ready["free"],
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("waiting_calls", "free"), [(0, 5), (3, 2), (11, 0)])
def test_every_place_that_shows_free_slots_shows_the_same(waiting_calls: int, free: int, settings: Settings) -> None:
    leases.beat("host:1", slots=10, busy=2)  # as a worker tells it: some seconds late
    held_back = make_number(max_calls=1)
    for number in (held_back, None, None, None, None):
        make_call(Status.IN_PROGRESS, number, lease_holder="host:1")
    waiting(4, number=held_back)
    waiting(waiting_calls)

    assert shown_free(settings) == dict.fromkeys(("dashboard", "/stats", "metrics", "limits", "/health/ready"), free)
