"""Messages of the queue `calls` that no worker took."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from calls.models.call import Call


class Cause(models.TextChoices):
    """Why nobody took a message: a fixed vocabulary, because the admin filters by it."""

    UNREADABLE = "unreadable", "No worker could read it"
    UNKNOWN_TASK = "unknown_task", "It names a task that no worker knows"
    REFUSED = "refused", "A worker could not process it"
    EXPIRED = "expired", "It expired in the queue"
    QUEUE_FULL = "queue_full", "The queue was full"
    TOO_OFTEN = "too_often", "It was returned too often"
    PUT_THERE = "put_there", "It was moved to the dead letters by hand"


class DeadLetter(models.Model):
    """One such message, as text. The same message is written once, however often it is read from its queue."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 that identifies the message.")
    received_at = models.DateTimeField("set aside", default=timezone.now)
    call = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL, related_name="dead_letters")
    cause = models.CharField("why", max_length=16, choices=Cause)
    reason = models.CharField("RabbitMQ's reason", max_length=40, blank=True, help_text="From the header x-death.")
    task = models.CharField(max_length=200, blank=True, help_text="What the message asks for.")
    body = models.TextField(blank=True, help_text="The beginning of the message.")
    resent_at = models.DateTimeField("sent again", null=True)
    resent_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-received_at"]
        indexes = [models.Index(fields=["-received_at"], name="dead_letter_by_time")]
        permissions = [("resend_deadletter", "Can send the call of a dead letter again")]
        verbose_name = "dead letter"

    def __str__(self) -> str:
        return f"{self.get_cause_display()} ({self.received_at:%Y-%m-%d %H:%M})"
