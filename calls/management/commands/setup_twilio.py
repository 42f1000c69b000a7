"""Prepares the Twilio account for telephone calls. Correct settings are left unchanged."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls.provisioning import numbers, twilio_client, twilio_trunk
from calls.provisioning.changes import CannotProvision, Changes
from calls.webhooks.twilio.events import VOICE_PATH


class Command(BaseCommand):
    help = (
        "Creates or updates an Elastic SIP trunk: where calls go (LIVEKIT_SIP_URI), what answers when nobody does, who "
        "may place calls (TWILIO_SIP_DOMAIN) and its numbers. Buys nothing. Safe to run repeatedly."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
        parser.add_argument("--number", action="append", help="a number (default: every active one in the admin)")
        parser.add_argument(
            "--set-password", action="store_true", help="set TWILIO_SIP_PASSWORD even if the trunk has a password"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        changes = Changes(self.stdout.write, dry_run=options["dry_run"])
        try:
            trunk = twilio_trunk.Trunk(
                sip_uri=settings.LIVEKIT_SIP_URI,
                recovery_url=settings.PUBLIC_BASE_URL + VOICE_PATH,
                numbers=numbers.chosen(options["number"]),
                domain=settings.TWILIO_SIP_DOMAIN,
                username=settings.TWILIO_SIP_USERNAME,
                password=settings.TWILIO_SIP_PASSWORD,
            )
            set_password = options["set_password"]
            twilio_trunk.provision(twilio_client.client(), trunk, changes, set_password=set_password)
        except CannotProvision as error:
            raise CommandError(str(error)) from error
        if not settings.TWILIO_SIP_DOMAIN:
            self.stdout.write("No outbound calls: set TWILIO_SIP_DOMAIN to place them.")
        self.stdout.write(changes.conclusion())
