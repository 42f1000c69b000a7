"""Creates a token for a program that uses the API."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.models import ApiToken, TokenScope


class Command(BaseCommand):
    help = "Creates an API token and shows it once. It can do what its scope allows, but never more than its owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="Command line", help="what uses it")
        parser.add_argument("--scope", choices=TokenScope.values, default=TokenScope.READ.value)
        parser.add_argument("--days", type=int, default=90, help="how long it is valid")

    def handle(self, *args: Any, username: str, name: str, scope: str, days: int, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username}.")
        if days < 1:
            raise CommandError("--days is less than 1.")
        _, token = ApiToken.objects.create(user=user, name=name, scope=scope, expiry=timedelta(days=days))
        self.stdout.write(token)
