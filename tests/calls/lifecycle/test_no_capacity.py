"""More callers than slots or limits allow: who is held back, who is next, and who is told."""

import contextlib
import re
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from calls.lifecycle import leases, limits, services
from calls.models import Call, PhoneNumber
from calls.reporting import aggregates
from calls.states import HELD, EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import client_of, make_call, make_number
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def waiting(number: PhoneNumber, since_s: float, **values: object) -> Call:
    """A call that has waited so many seconds."""
    return make_call(Status.QUEUED, number, created_at=timezone.now() - timedelta(seconds=since_s), **values)


def claimed() -> Call | None:
    return leases.claim("host:17")


@pytest.mark.parametrize("status", sorted(HELD))
def test_a_call_beyond_its_numbers_limit_waits_while_others_go_ahead(status: Status) -> None:
    full, free = make_number(max_calls=1), make_number()
    make_call(status, full)
    first, second = waiting(full, 9), waiting(free, 3)

    assert claimed() == second
    assert claimed() is None
    first.refresh_from_db()
    assert (first.status, first.attempt) == (Status.QUEUED, 0)


@pytest.mark.parametrize("status", [status for status in Status if status not in HELD])
def test_a_call_that_no_slot_holds_does_not_count_towards_the_limit(status: Status) -> None:
    number = make_number(max_calls=1)
    make_call(status, number)
    first = waiting(number, 9)

    assert claimed() == first


@override_settings(MAX_CONCURRENT_AGENTS=2)
def test_a_call_beyond_the_limit_of_all_waits() -> None:
    make_call(Status.IN_PROGRESS)
    numbers = [make_number(), make_number()]
    first, second = (waiting(number, since) for number, since in zip(numbers, (9, 3), strict=True))

    assert claimed() == first
    assert claimed() is None
    services.end_call(first.pk, Status.COMPLETED, EndReason.CALLER_LEFT)
    assert claimed() == second


@override_settings(MAX_CONCURRENT_AGENTS=1)
def test_no_limit_holds_back_a_call_that_lost_its_agent_in_mid_call() -> None:
    number = make_number(max_calls=1)
    make_call(Status.IN_PROGRESS, number)
    waiting(number, 3)
    resumed = waiting(number, 60, answered_at=timezone.now(), attempt=1)

    assert claimed() == resumed
    assert claimed() is None


def test_a_call_that_overflowed_to_another_persona_passes_its_numbers_limit_but_not_that_of_all() -> None:
    number = make_number(max_calls=1)
    make_call(Status.IN_PROGRESS, number)
    overflowed = waiting(number, 30, overflowed=True)

    with override_settings(MAX_CONCURRENT_AGENTS=1):
        assert claimed() is None
    assert claimed() == overflowed


def test_callers_are_served_in_the_order_of_their_arrival() -> None:
    numbers = [make_number(), make_number()]
    calls = {since: waiting(numbers[since % 2], since) for since in (5, 20, 11, 2)}

    assert [claimed() for _ in calls] == [calls[since] for since in (20, 11, 5, 2)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("of_number", "of_all"), [(3, 100), (100, 3), (2, 3)])
def test_slots_that_claim_at_once_do_not_pass_a_limit_by_one(of_number: int, of_all: int) -> None:
    number = make_number(max_calls=of_number)
    for since in range(12):
        waiting(number, since)

    with override_settings(MAX_CONCURRENT_AGENTS=of_all):
        calls = at_once(12, lambda index: leases.claim(f"host:{index}"))

    won = [call.pk for call in calls if call is not None]
    allowed = min(of_number, of_all)
    assert len(won) == len(set(won)) == allowed
    assert Call.objects.filter(status__in=HELD).count() == allowed


@pytest.mark.django_db(transaction=True)
def test_claims_and_ends_at_once_neither_block_each_other_nor_pass_the_limit(sent: SentMessages) -> None:
    number = make_number(max_calls=2)
    held = [make_call(Status.IN_PROGRESS, number) for _ in range(2)]
    for since in range(6):
        waiting(number, since)

    def work(index: int) -> None:
        if index < 2:
            services.end_call(held[index].pk, Status.COMPLETED, EndReason.CALLER_LEFT)
        leases.claim(f"host:{index}")

    at_once(10, work)

    assert Call.objects.filter(status__in=HELD).count() == 2
    assert len(sent.to("workers.run_call")) == 2


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_blocked_in_mid_claim_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STUCK", "100ms")
    call = waiting(make_number(), 5)

    asked, claimed_by_another = threading.Event(), threading.Event()

    def stand_still() -> None:
        with transaction.atomic():
            list(limits.claimable())
            asked.set()
            claimed_by_another.wait(10)

    def claim_meanwhile() -> Call | None:
        asked.wait(10)
        try:
            return leases.claim("host:17")
        finally:
            claimed_by_another.set()

    def work(index: int) -> Call | None:
        if index:
            return claim_meanwhile()
        with contextlib.suppress(DatabaseError):  # the database has cut it off
            stand_still()
        return None

    assert at_once(2, work) == [None, call]


def test_when_a_call_ends_the_next_waiting_one_is_sent_again(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages
) -> None:
    number = make_number(max_calls=1)
    running = make_call(Status.IN_PROGRESS, number)
    waiting(number, 3)
    first = waiting(number, 9)

    with django_capture_on_commit_callbacks(execute=True):
        services.end_call(running.pk, Status.COMPLETED, EndReason.CALLER_LEFT)

    assert sent == [("workers.run_call", str(first.pk))]


def test_when_a_call_ends_and_nobody_waits_nothing_is_sent(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, sent: SentMessages
) -> None:
    running = make_call(Status.IN_PROGRESS)

    with django_capture_on_commit_callbacks(execute=True):
        services.end_call(running.pk, Status.COMPLETED, EndReason.CALLER_LEFT)

    assert sent == []


def test_a_caller_who_hangs_up_while_waiting_takes_no_slot() -> None:
    call = waiting(make_number(), 9)

    assert services.end_abandoned(call)

    assert claimed() is None
    call.refresh_from_db()
    assert (call.status, call.end_reason, call.attempt) == (Status.MISSED, EndReason.CALLER_GAVE_UP, 0)
    assert [event.kind for event in call.events.all()] == ["missed"]


def test_a_waiting_call_shows_its_position_and_for_how_long_it_has_waited() -> None:
    number = make_number()
    second, first = waiting(number, 5), waiting(number, 42)
    running = make_call(Status.IN_PROGRESS, number)

    positions = {call.pk: getattr(call, "position", 0) for call in aggregates.with_position(Call.objects.all())}
    page = client_of("Viewers").get("/admin/calls/call/").content.decode()
    rows = {row["id"]: row for row in client_of(superuser=True).get("/api/calls/").json()["results"]}

    assert positions == {first.pk: 1, second.pk: 2, running.pk: None}
    assert re.search(r"4\d s, no. 1", page)
    assert [rows[str(call.pk)]["position"] for call in (first, second, running)] == [1, 2, None]
    assert rows[str(first.pk)]["wait_s"] == pytest.approx(42, abs=5)


def test_the_page_of_a_waiting_call_shows_its_position() -> None:
    number = make_number()
    waiting(number, 50)
    second = waiting(number, 5)

    page = client_of("Viewers").get(f"/admin/calls/call/{second.pk}/change/").content.decode()

    assert "number 2" in page
    assert "has heard ringing for" in page


def test_the_dashboard_shows_free_slots_and_who_waits() -> None:
    leases.beat("host:1", slots=4)
    leases.beat("host:2", slots=4)
    leases.beat("host:3", slots=4, draining=True)
    number = make_number()
    for holder in ("host:1", "host:1", "host:2", "host:3"):
        make_call(Status.IN_PROGRESS, number, lease_holder=holder)
    waiting(number, 5, caller_number="+12025550122")
    waiting(number, 42, caller_number="+12025550121")

    context = client_of("Supervisors").get("/admin/").context

    [slots] = [card for card in context["cards"] if card["title"] == "Free slots"]
    assert slots["value"] == "3 of 8"
    assert [(row.position, row.caller) for row in context["waiting_calls"]] == [
        (1, "+1 202 555 0121"),
        (2, "+1 202 555 0122"),
    ]


def test_the_dashboard_says_when_no_worker_runs() -> None:
    assert "no worker is running" in client_of("Viewers").get("/admin/").content.decode()
