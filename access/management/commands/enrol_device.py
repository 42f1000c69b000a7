"""Gives a user a device for one-time codes: the way in for the first superuser."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access import devices


class Command(BaseCommand):
    help = (
        "Shows a QR code for an authenticator app, and recovery codes, and revokes the user's earlier ones. "
        "Run it where nobody else can see your screen."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--replace", action="store_true", help="even if the user already has a device")

    def handle(self, *args: Any, username: str, replace: bool, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username}: create one with manage.py createsuperuser.")
        if not replace and user.totpdevice_set.exists():  # type: ignore[attr-defined]  # django_otp has no stubs
            raise CommandError(f"{username} already has a device. Use --replace to replace it.")
        device, codes = devices.enrol(user)
        self.stdout.write(devices.qr_terminal(device))
        self.stdout.write(f"Scan it with an authenticator app, or enter this address there:\n  {device.config_url}\n")
        self.stdout.write("Recovery codes, each good for one login without the device. Keep them on paper:")
        for code in codes:
            self.stdout.write(f"  {code}")
