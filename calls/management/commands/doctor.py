"""Checks everything that a call needs, all at once, and names the cure for what does not work."""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from calls.provisioning import provider_keys, service_checks
from calls.provisioning.service_checks import Check, Failed, Skipped
from common.database import borrowed_connection

PRODUCT: dict[str, Check] = {
    "Settings": service_checks.project_settings,
    "Database": service_checks.database,
    "Broker": service_checks.broker,
    "Redis": service_checks.shared_counts,
    "Workers": service_checks.workers,
    "Numbers": service_checks.numbers,
    "LiveKit": service_checks.livekit,
    "SIP trunks": service_checks.sip_trunks,
    "Public address": service_checks.public_address,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `sign` is ✓ for passed, ✗ for failed, – for skipped."""

    sign: str
    name: str
    what: str
    cure: str = ""


class Command(BaseCommand):
    help = "Checks settings, services, workers and all provider keys. Exits with 1 when a call would fail."
    requires_system_checks = []  # they are one of these checks

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="what to check, such as Deepgram (default: everything)")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = _chosen(options["names"])
        # the pool of connections would log every attempt beside what Database finds
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
        with ThreadPoolExecutor(len(chosen)) as threads:
            findings = list(threads.map(lambda item: _run(*item), chosen.items()))
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            self.stdout.write(f"{finding.sign} {finding.name:{width}}  {finding.what}")
            if finding.cure:
                self.stdout.write(f"  {'':{width}}  {finding.cure}")
        failed = sum(finding.sign == "✗" for finding in findings)
        self.stdout.write(f"{failed} of {len(findings)} checks failed." if failed else "All checks passed.")
        if failed:
            sys.exit(1)


def _chosen(names: list[str]) -> dict[str, Check]:
    known = {**PRODUCT, **provider_keys.checks()}
    by_lower = {name.lower(): name for name in known}
    if strange := [name for name in names if name.lower() not in by_lower]:
        raise CommandError(f"There is no check {strange[0]}: choose from {', '.join(known)}.")
    return {by_lower[name.lower()]: known[by_lower[name.lower()]] for name in names} or known


def _run(name: str, check: Check) -> Finding:
    try:
        with borrowed_connection():
            return Finding("✓", name, check())
    except Failed as error:
        return Finding("✗", name, str(error), error.cure)
    except Skipped as error:
        return Finding("–", name, str(error))
    except DatabaseError:
        return Finding("–", name, "skipped: the database does not answer")
    except Exception as error:  # one that fails must not hide what the others find
        return Finding("✗", name, f"could not run: {type(error).__name__}", "Run manage.py check.")
