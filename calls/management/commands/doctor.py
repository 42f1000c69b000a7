"""Tries everything that a call needs, all at once, and says what to do about what does not work."""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from calls.provisioning import examinations, provider_keys
from calls.provisioning.examinations import Examination, NotNeeded, Unwell
from common.database import borrowed_connection

PRODUCT: dict[str, Examination] = {
    "Settings": examinations.check_settings,
    "Database": examinations.database,
    "Broker": examinations.broker,
    "Redis": examinations.shared_counts,
    "Workers": examinations.workers,
    "Numbers": examinations.numbers,
    "LiveKit": examinations.livekit,
    "SIP trunks": examinations.sip_trunks,
    "Public address": examinations.public_address,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `sign` is ✓ for well, ✗ for unwell, – for not needed."""

    sign: str
    name: str
    what: str
    cure: str = ""


class Command(BaseCommand):
    help = "Tries settings, services, workers and the keys of all providers. Exit code 1 when a call could not be held."
    requires_system_checks = []  # they are one of the examinations

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="what to try, such as Deepgram (default: everything)")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = _chosen(options["names"])
        # the pool of connections would log every attempt beside what Database finds
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
        with ThreadPoolExecutor(len(chosen)) as threads:
            findings = list(threads.map(lambda item: _examine(*item), chosen.items()))
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            self.stdout.write(f"{finding.sign} {finding.name:{width}}  {finding.what}")
            if finding.cure:
                self.stdout.write(f"  {'':{width}}  {finding.cure}")
        unwell = sum(finding.sign == "✗" for finding in findings)
        self.stdout.write(f"{unwell} of {len(findings)} not well." if unwell else "All is well.")
        if unwell:
            sys.exit(1)


def _chosen(names: list[str]) -> dict[str, Examination]:
    known = {**PRODUCT, **provider_keys.examinations()}
    by_lower = {name.lower(): name for name in known}
    if strange := [name for name in names if name.lower() not in by_lower]:
        raise CommandError(f"There is no examination {strange[0]}: choose of {', '.join(known)}.")
    return {by_lower[name.lower()]: known[by_lower[name.lower()]] for name in names} or known


def _examine(name: str, examination: Examination) -> Finding:
    try:
        with borrowed_connection():
            return Finding("✓", name, examination())
    except Unwell as error:
        return Finding("✗", name, str(error), error.cure)
    except NotNeeded as error:
        return Finding("–", name, str(error))
    except DatabaseError:
        return Finding("–", name, "not tried: the database does not answer")
    except Exception as error:  # one that fails must not hide what the others find
        return Finding("✗", name, f"cannot be examined: {type(error).__name__}", "Run manage.py check.")
