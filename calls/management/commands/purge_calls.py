"""Deletes transcripts when their retention ends; housekeeping does the same once a day."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from calls.privacy import erasure


class Command(BaseCommand):
    help = (
        "Deletes callers' numbers and transcripts from calls past the retention time of their number, or "
        "CALLS_KEPT_DAYS. Times and figures stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only report how many calls are due")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if dry_run:
            self.stdout.write(f"{erasure.due(timezone.now()).count()} calls are due.")
            return
        counts = erasure.purge()
        self.stdout.write(f"{counts.calls} calls and {counts.turns} utterances deleted.")
