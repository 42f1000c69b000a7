"""Which supervisors are in a call, by LiveKit's webhooks."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from calls.models.call import Call


class SupervisionQuerySet(models.QuerySet["Supervision"]):
    def present(self) -> "SupervisionQuerySet":
        """Those who are in their room now."""
        return self.filter(joined_at__isnull=False, left_at=None)


class Supervision(models.Model):
    """A supervisor's stay in a call, from the ticket on. One that was never used has no `joined_at`."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="supervisions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    identity = models.CharField(max_length=128, unique=True, help_text="The supervisor's participant in the room.")
    created_at = models.DateTimeField(default=timezone.now)
    joined_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    objects = SupervisionQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.identity
