"""Messages to Celery's workers, and those of personas. A message about lines that is lost costs speed, not speech."""

from typing import Any

import structlog
from celery import current_app
from kombu.exceptions import ChannelError, ConnectionError, OperationalError

log = structlog.get_logger(__name__)

# A broker that is down, that refuses the password, or that closes the connection.
BROKER_ERRORS = (OperationalError, ConnectionError, ChannelError, OSError)


def send(task: str, argument: str | int, log: Any) -> None:
    """Send a task, by its name, with its only argument. A broker that is down is no error: it is written to `log`."""
    try:
        current_app.send_task(task, args=[argument])
    except BROKER_ERRORS as error:
        log.warning("message_not_sent", task=task, argument=argument, error=str(error))


def speak_lines(version_id: int) -> None:
    """Have housekeeping make the lines that a version lacks. A broker that is down is logged: the next call asks."""
    send("agents.speak_lines", version_id, log)
