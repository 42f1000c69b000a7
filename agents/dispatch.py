"""Messages from the web process and the workers to housekeeping. A message that is lost costs speed, not speech."""

import structlog
from celery import current_app
from kombu.exceptions import ChannelError, ConnectionError, OperationalError

log = structlog.get_logger(__name__)

# A broker that is down, that refuses the password, or that closes the connection.
BROKER_ERRORS = (OperationalError, ConnectionError, ChannelError, OSError)


def speak_lines(version_id: int) -> None:
    """Have housekeeping make the lines that a version lacks. A broker that is down is logged: the next call asks."""
    try:
        current_app.send_task("agents.speak_lines", args=[version_id])
    except BROKER_ERRORS as error:
        log.warning("message_not_sent", task="agents.speak_lines", argument=version_id, error=str(error))
