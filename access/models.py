"""Tokens for programs that use the API."""

from django.db import models
from knox.models import AbstractAuthToken


class TokenScope(models.TextChoices):
    """What a token may do. Each includes the ones before it; none goes beyond what its owner may."""

    READ = "read", "Read"
    DISPATCH = "dispatch", "Read, place calls and hang up"
    ADMIN = "admin", "Everything its owner may do"


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # the package has no type hints
    """A token of which only the digest is kept: it is shown once, when it is created."""

    name = models.CharField(max_length=100, help_text="What uses it, for example Reporting.")
    scope = models.CharField("may", max_length=10, choices=TokenScope, default=TokenScope.READ)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.scope})"
