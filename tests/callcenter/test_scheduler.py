"""Periodic tasks go on when the clock is set back, and beat does not wait for RabbitMQ longer than it must."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django_celery_beat import models, schedulers

from callcenter.celery import app
from callcenter.celery_adapters import scheduler
from callcenter.celery_adapters.scheduler import SteadyScheduler

pytestmark = pytest.mark.django_db(transaction=True)

EVERY_FEW_SECONDS = {"calls.sweep", "calls.reap", "calls.collect_dead_letters"}


class Wall:
    """A clock that passes when the scheduler waits."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 30, 12, 0, tzinfo=app.timezone)

    def now(self) -> datetime:
        return self.at


class Beat(SteadyScheduler):
    """The scheduler, which notes what it would send."""

    producer: Any = None

    def __init__(self, wall: Wall) -> None:
        super().__init__(app=app)
        self._finalize.cancel()  # it would store when each was run, when the tests' database is gone
        self._wall = wall
        self.sent: Counter[str] = Counter()

    def apply_async(self, entry: Any, **_: Any) -> None:
        self.sent[entry.task] += 1

    def sent_in(self, seconds: float) -> set[str]:
        """The tasks that it sends in this time."""
        self.sent.clear()
        while seconds > 0:
            delay = min(max(self.tick(), 0.01), 5.0)
            self._wall.at += timedelta(seconds=delay)
            seconds -= delay
        return set(self.sent)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(schedulers.ModelEntry, "_default_now", lambda _: wall.now())
    monkeypatch.setattr(models, "now", wall.now)
    monkeypatch.setattr(scheduler, "timezone", wall)
    monkeypatch.setattr(app, "now", wall.now, raising=False)
    Beat(wall)  # stores the tasks
    models.PeriodicTask.objects.update(last_run_at=wall.at)
    return wall


def test_a_clock_that_is_set_back_stops_no_task(wall: Wall) -> None:
    beat = Beat(wall)
    assert beat.sent_in(20) >= EVERY_FEW_SECONDS

    wall.at -= timedelta(hours=1)

    assert beat.sent_in(20) >= EVERY_FEW_SECONDS


def test_what_was_stored_before_the_clock_was_set_back_stops_no_task_after_a_restart(wall: Wall) -> None:
    models.PeriodicTask.objects.update(last_run_at=wall.at + timedelta(hours=1))

    assert Beat(wall).sent_in(20) >= EVERY_FEW_SECONDS


def test_a_clock_that_is_right_sends_each_task_as_often_as_it_is_due(wall: Wall) -> None:
    beat = Beat(wall)
    beat.sent_in(60)

    assert beat.sent["calls.sweep"] == pytest.approx(30, abs=2)


def test_rabbitmq_is_tried_again_at_the_same_pace(wall: Wall) -> None:
    assert Beat(wall).connection.ensure_connection.keywords == {"interval_step": 0}
