"""A request of an agent to a tool's service: recorded first, so that no other agent repeats it."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from calls.models.call import Call


class ToolCall(models.Model):
    """One use of a tool. Without an answer it is not known whether the service did what it was asked for."""

    key = models.UUIDField(
        primary_key=True, default=uuid.uuid4, editable=False, help_text="Sent with every request: Idempotency-Key."
    )
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="tool_calls")
    turn = models.PositiveIntegerField(help_text="How many turns the caller had spoken by then.")
    tool = models.CharField(max_length=63)
    arguments = models.JSONField()
    answer = models.JSONField(null=True, help_text="The result for the language model; null: none yet.")
    requested_at = models.DateTimeField(default=timezone.now, help_text="When it was first sent.")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["call", "requested_at"]

    def __str__(self) -> str:
        return self.tool

    def is_answered(self) -> bool:
        return self.answered_at is not None

    def store(self, answer: dict[str, Any]) -> bool:
        """Keep the first answer. False when there is one, or the call's words were erased meanwhile."""
        rows = ToolCall.objects.filter(pk=self.pk, answered_at=None, call__erased_at=None)
        return rows.update(answer=answer, answered_at=timezone.now()) == 1
