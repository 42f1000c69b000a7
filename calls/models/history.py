"""What was said and what happened: written once, never edited."""

import uuid

from django.db import models
from django.utils import timezone

from calls.models.call import Call


class Speaker(models.TextChoices):
    CALLER = "caller", "Caller"
    AGENT = "agent", "Agent"


class Turn(models.Model):
    """One utterance. An agent's turn carries the latency of the reply by stage, in milliseconds.

    `reply_ms` runs from the caller's last speech to the agent's first, as the caller hears them; the stages are its
    parts and add up to it. All are None where there was nothing to reply to (a greeting).
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField(help_text="1 is the first utterance of the call.")
    speaker = models.CharField(max_length=8, choices=Speaker)
    text = models.TextField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    interrupted = models.BooleanField(default=False, help_text="The caller spoke before the agent had finished.")
    reply_ms = models.PositiveIntegerField("reply", null=True)
    end_of_turn_ms = models.PositiveIntegerField("end of turn", null=True)
    stt_ms = models.PositiveIntegerField("speech to text", null=True)
    llm_ms = models.PositiveIntegerField("language model", null=True)
    tts_ms = models.PositiveIntegerField("text to speech", null=True)
    transport_ms = models.PositiveIntegerField("transport", null=True)

    class Meta:
        ordering = ["call", "number"]
        constraints = [models.UniqueConstraint(fields=["call", "number"], name="turn_number_once_a_call")]
        indexes = [
            # Latencies of a day's calls are read from it alone, whatever else the table holds.
            models.Index(
                fields=["call"], include=["reply_ms"], condition=models.Q(reply_ms__isnull=False), name="turn_reply"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.speaker} {self.number}"


class CallEvent(models.Model):
    """Something that happened to a call: a change of state, a failure, a tool, an interruption."""

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False, help_text="Writing it twice adds no row.")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)
    to_status = models.CharField(max_length=16, blank=True, help_text="The state that the call entered, if it did.")
    attempt = models.PositiveIntegerField(default=0)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["call", "at", "id"]
        indexes = [models.Index(fields=["call", "at"], name="event_by_call")]

    def __str__(self) -> str:
        return self.kind
