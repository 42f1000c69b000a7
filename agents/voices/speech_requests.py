"""Asks housekeeping for the lines of a version. A lost message costs time, not speech."""

import structlog

from common.broker import send

log = structlog.get_logger(__name__)


def speak_lines(version_id: int) -> None:
    """Have housekeeping make the lines that a version lacks. A broker that is down is logged: the next call asks."""
    send("agents.speak_lines", version_id, log)
