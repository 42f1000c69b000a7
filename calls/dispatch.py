"""Messages from the web process to the workers. A message is a hint: the call's row is the truth."""

import uuid

import structlog
from celery import current_app
from kombu.exceptions import ChannelError, ConnectionError, OperationalError

log = structlog.get_logger(__name__)

# A broker that is down, that refuses the password, or that closes the connection.
BROKER_ERRORS = (OperationalError, ConnectionError, ChannelError, OSError)


def send_call(call_id: uuid.UUID) -> None:
    """Put the call on the queue `calls`. A broker that is down is logged only: the sweep sends the call again."""
    _send("workers.run_call", str(call_id))


def close_room(room_name: str) -> None:
    """Have housekeeping close a room, which hangs up on whoever is in it."""
    _send("calls.close_room", room_name)


def _send(task: str, argument: str) -> None:
    try:
        current_app.send_task(task, args=[argument])
    except BROKER_ERRORS as error:
        log.warning("message_not_sent", task=task, argument=argument, error=str(error))
