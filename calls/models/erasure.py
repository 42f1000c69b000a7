"""Proof that a caller's data was deleted, without the data."""

import uuid

from django.db import models
from django.utils import timezone


class Erasure(models.Model):
    """One deletion on request. The number is kept as a keyed digest only, so that the question can be asked again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number_digest = models.CharField(max_length=64, db_index=True, help_text="HMAC-SHA-256 of the number.")
    reason = models.CharField(max_length=200, blank=True, help_text="For example the request's reference.")
    asked_by = models.CharField(max_length=150, help_text="The user who deleted it.")
    erased_at = models.DateTimeField(default=timezone.now)
    calls = models.PositiveIntegerField(help_text="How many calls it was in.")
    turns = models.PositiveIntegerField(help_text="How many utterances were deleted.")
    events = models.PositiveIntegerField(help_text="How many details of events were deleted.")
    webhooks = models.PositiveIntegerField(help_text="How many stored webhooks named the caller.")
    dead_letters = models.PositiveIntegerField(help_text="How many stored messages belonged to the calls.")
    seal = models.CharField(max_length=64, help_text="HMAC-SHA-256 of all of the above.")

    class Meta:
        ordering = ["-erased_at"]

    def __str__(self) -> str:
        return str(self.id)
