"""Deletes a caller's data when they ask for it, and proves it."""

import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls.models import Erasure
from calls.phone import to_e164
from calls.privacy import erasure


class Command(BaseCommand):
    help = "Deletes a caller's personal data and transcripts from all calls of a number, and prints the proof."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="with country code: +12025550123")
        parser.add_argument("--reason", default="", help="for the proof: for example the request's reference")
        parser.add_argument("--check", action="store_true", help="delete nothing; show earlier proofs and what remains")

    def handle(self, *args: Any, number: str, reason: str, check: bool, **options: Any) -> None:
        try:
            if check:
                self._check(number)
            else:
                self._show(erasure.erase_number(number, f"{getpass.getuser()} (command line)", reason))
        except ValidationError as error:
            raise CommandError(f"number: {' '.join(error.messages)}") from error
        except erasure.StillLive as error:
            raise CommandError(str(error)) from error

    def _check(self, number: str) -> None:
        found = list(erasure.proofs(number))
        for proof in found:
            self._show(proof)
        remaining = erasure.calls_with(to_e164(number)).count()
        self.stdout.write(f"{len(found)} deletions; {remaining} calls of this number are stored.")

    def _show(self, proof: Erasure) -> None:
        genuine = "genuine" if erasure.is_genuine(proof) else "CHANGED since it was written"
        self.stdout.write(
            f"Proof {proof.id}, {proof.erased_at:%Y-%m-%d %H:%M:%S} UTC, by {proof.asked_by}: {proof.calls} calls, "
            f"{proof.turns} utterances, {proof.events} details, {proof.webhooks} webhooks, "
            f"{proof.dead_letters} messages. Seal {proof.seal} ({genuine})."
        )
