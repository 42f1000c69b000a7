"""A key under which a client asked for a call, so that asking again finds the same call."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from calls.models.call import Call


class IdempotencyKey(models.Model):
    """Written in the transaction of its call, so that neither is ever there without the other."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255, help_text="As the client sent it in the header Idempotency-Key.")
    fingerprint = models.CharField(max_length=64, help_text="HMAC of method, URL and body, in hex.")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="+")
    answered_with = models.PositiveSmallIntegerField(help_text="The HTTP status of the first answer.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once_a_user")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_by_time")]

    def __str__(self) -> str:
        return self.key
