"""Who is alive: every worker process, with its slots, and the sweep."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

SWEEP = "sweep"
CLOCK = "clock"  # whose row is written when the database's clock was found to have been set (calls.lifecycle.elapsed)


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    def alive(self, within: timedelta) -> "HeartbeatQuerySet":
        """Who was seen within this time, by the database's clock."""
        return self.filter(seen_at__gt=Now() - within)


class Heartbeat(models.Model):
    """A process that says every second or two that it is alive. Times are the database's, so that clocks may differ."""

    holder = models.CharField(max_length=128, unique=True, help_text="host:pid of a worker process; or the sweep.")
    slots = models.PositiveIntegerField(default=0, help_text="How many calls it can hold at once.")
    busy = models.PositiveIntegerField(default=0, help_text="How many it holds.")
    draining = models.BooleanField(default=False, help_text="It is stopping and takes no more calls.")
    beating_since = models.DateTimeField(
        default=timezone.now, help_text="Since when no heartbeat was missed: process and database were both up."
    )
    seen_at = models.DateTimeField(default=timezone.now)

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        ordering = ["holder"]

    def __str__(self) -> str:
        return self.holder
