"""Messages from the web process to the workers. A message is a hint: the call's row is the truth."""

import uuid

import structlog

from common.broker import send

log = structlog.get_logger(__name__)

RUN_CALL = "workers.run_call"


def send_call(call_id: uuid.UUID) -> None:
    """Put the call on the queue `calls`. A broker that is down is logged only: the sweep sends the call again."""
    send(RUN_CALL, str(call_id), log)


def close_room(room_name: str) -> None:
    """Have housekeeping close a room, which hangs up on whoever is in it."""
    send("calls.close_room", room_name, log)


def announce(call_id: uuid.UUID) -> None:
    """Have housekeeping tell the caller of an ended call why it ends, and hang up."""
    send("calls.announce", str(call_id), log)
