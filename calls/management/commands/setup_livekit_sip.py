"""Prepares LiveKit for telephone calls. Correct settings are left unchanged."""

from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls.provisioning import livekit_sip, numbers
from calls.provisioning.changes import CannotProvision, Changes


class Command(BaseCommand):
    help = (
        "Creates or updates LiveKit's inbound trunk, its outbound trunk (with TWILIO_SIP_DOMAIN) and the dispatch rule "
        "that gives each caller a room of its own. Safe to run repeatedly."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
        parser.add_argument("--number", action="append", help="a number (default: every active one in the admin)")
        parser.add_argument(
            "--allow",
            action="append",
            metavar="ADDRESS",
            help="address or network that calls may come from (default: Twilio's)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        changes = Changes(self.stdout.write, dry_run=options["dry_run"])
        try:
            telephony = livekit_sip.Telephony(
                numbers=numbers.chosen(options["number"]),
                allowed_addresses=options["allow"] or livekit_sip.TWILIO_SIGNALLING,
                outbound_domain=settings.TWILIO_SIP_DOMAIN,
                username=settings.TWILIO_SIP_USERNAME,
                password=settings.TWILIO_SIP_PASSWORD,
            )
            async_to_sync(livekit_sip.provision)(telephony, changes)
        except CannotProvision as error:
            raise CommandError(str(error)) from error
        if not settings.TWILIO_SIP_DOMAIN:
            self.stdout.write("No outbound trunk: set TWILIO_SIP_DOMAIN to place calls.")
        self.stdout.write(changes.conclusion())
