"""Webhooks as they came in: the unique id makes a replay harmless."""

from django.db import models
from django.utils import timezone


class WebhookEvent(models.Model):
    event_id = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=40)
    room_name = models.CharField(max_length=128, blank=True)
    participant = models.CharField(max_length=128, blank=True)
    sent_at = models.DateTimeField(help_text="By LiveKit's clock, in whole seconds.")
    received_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=60, blank=True, help_text="What it caused.")

    class Meta:
        ordering = ["-received_at"]
        indexes = [
            models.Index(fields=["room_name", "received_at"], name="webhook_by_room"),
            models.Index(fields=["-received_at"], name="webhook_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
