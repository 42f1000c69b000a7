"""Encrypts the secrets of the database with a new key."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from agents.tools import encryption


class Command(BaseCommand):
    help = (
        "Re-encrypts every secret in the database with the first of FIELD_ENCRYPTION_KEYS. Put the new key before the "
        "old one, restart all processes, run this, then remove the old key."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = encryption.rotate()
        except ImproperlyConfigured as error:
            raise CommandError(f"Nothing was changed. {error}") from error
        self.stdout.write(f"{count} secrets are encrypted with the first of FIELD_ENCRYPTION_KEYS.")
