"""A process that says that it lives, and hears of the calls that it has lost; and one that is stopping."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import workers.process.heartbeat
from calls.lifecycle import leases
from calls.models import Heartbeat as Row
from calls.states import Status
from tests.factories import make_call
from tests.product.stack import eventually
from tools.local import ROOT
from workers.process.call_loop import CallLoop
from workers.process.draining import Draining
from workers.process.heartbeat import Heartbeat


@pytest.fixture
def heartbeat() -> Heartbeat:
    return Heartbeat("host:1")


@pytest.mark.django_db
def test_a_heartbeat_renews_what_is_held_and_reports_what_is_lost(heartbeat: Heartbeat) -> None:
    mine = make_call(Status.IN_PROGRESS, lease_holder="host:1")
    taken = make_call(Status.IN_PROGRESS, lease_holder="host:2", attempt=2)
    lost: list[str] = []

    with (
        heartbeat.holding(mine.pk, 1, lambda: lost.append("mine")),
        heartbeat.holding(taken.pk, 1, lambda: lost.append("taken")),
    ):
        heartbeat.beat()

    mine.refresh_from_db()
    assert mine.lease_expires_at is not None
    assert lost == ["taken"]
    assert Row.objects.get().busy == 2


@pytest.mark.django_db
def test_what_is_over_is_not_renewed(heartbeat: Heartbeat) -> None:
    call = make_call(Status.IN_PROGRESS, lease_holder="host:1")
    with heartbeat.holding(call.pk, 1, lambda: pytest.fail("lost")):
        pass

    heartbeat.beat()

    call.refresh_from_db()
    assert call.lease_expires_at is None


@pytest.mark.django_db(transaction=True)
def test_a_process_is_on_the_list_while_it_runs_and_its_slots_do_not_count_while_it_stops(heartbeat: Heartbeat) -> None:
    heartbeat.start(slots=7)
    try:
        row = eventually(Row.objects.filter(holder="host:1").first, "the first beat")
        assert (row.slots, row.draining) == (7, False)
        heartbeat.drain()
        eventually(Row.objects.filter(draining=True).exists, "a draining beat")
    finally:
        heartbeat.stop()
    assert not Row.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_unexpected_error_does_not_end_the_heartbeat(heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = [RuntimeError("nobody has thought of it"), ValueError("nor of this")]
    written = leases.beat

    def beat(*arguments: Any, **values: Any) -> None:
        if errors:
            raise errors.pop()
        written(*arguments, **values)

    monkeypatch.setattr(leases, "beat", beat)
    monkeypatch.setattr(workers.process.heartbeat, "EVERY_S", 0.01)
    heartbeat.start(slots=1)
    try:
        eventually(Row.objects.filter(holder="host:1").exists, "a beat after two errors")
    finally:
        heartbeat.stop()


@pytest.mark.django_db
def test_a_process_beats_until_its_last_beat_is_as_old_as_a_lease(
    heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(workers.process.heartbeat, "time", SimpleNamespace(monotonic=lambda: now_s))
    assert not heartbeat.is_beating()
    heartbeat.beat()
    now_s += 4.9
    assert heartbeat.is_beating()
    now_s += 0.2
    assert not heartbeat.is_beating()


@pytest.mark.django_db
def test_a_call_that_cannot_be_notified_does_not_block_the_others(heartbeat: Heartbeat) -> None:
    taken = [make_call(Status.IN_PROGRESS, lease_holder="host:2", attempt=2) for _ in range(2)]
    told: list[str] = []

    def fail() -> None:
        told.append("told")
        raise RuntimeError("its loop has ended")

    with heartbeat.holding(taken[0].pk, 1, fail), heartbeat.holding(taken[1].pk, 1, fail):
        heartbeat.beat()

    assert told == ["told", "told"]


def test_a_process_that_gets_no_more_memory_ends_itself_within_a_beat() -> None:
    program = """
import django, resource, threading
django.setup()
from workers.process.heartbeat import Heartbeat
Heartbeat("host:1").start(slots=1)
resource.setrlimit(resource.RLIMIT_AS, (0, resource.RLIM_INFINITY))
threading.Event().wait(30)
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "callcenter.settings"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.fixture
def loop() -> Iterator[CallLoop]:
    """A loop that has turned once, and may be made to stand still."""
    loop = CallLoop()
    loop.run(asyncio.sleep(0))
    yield loop
    loop.run(asyncio.sleep(0))


def test_a_loop_that_is_blocked_is_noticed_and_so_is_its_recovery(loop: CallLoop) -> None:
    stands, go_on = threading.Event(), threading.Event()

    async def stand_still() -> None:
        stands.set()
        go_on.wait()

    thread = threading.Thread(target=loop.run, args=[stand_still()])
    thread.start()
    stands.wait()
    assert loop.is_turning()  # it was, when it was last asked
    assert not loop.is_turning()
    go_on.set()
    thread.join()
    eventually(loop.is_turning, "the loop turns")


def test_at_the_deadline_every_call_is_given_back_and_a_later_one_at_once() -> None:
    draining, given_back = Draining(), threading.Semaphore(0)

    with draining.offering(_fail), draining.offering(given_back.release), draining.offering(_fail):
        draining.begin(seconds=0)
        assert given_back.acquire(timeout=30)
        with draining.offering(given_back.release):
            assert given_back.acquire(timeout=30)


def _fail() -> None:
    raise RuntimeError("its loop has ended")


def test_a_call_that_ends_before_the_deadline_is_not_given_back() -> None:
    draining, other = Draining(), threading.Event()
    with draining.offering(lambda: pytest.fail("given back")):
        pass

    with draining.offering(other.set):
        draining.begin(seconds=0)
        assert other.wait(timeout=30)
