"""How soon RabbitMQ is tried again while it is away."""

from functools import partial
from typing import Any


def at_a_steady_pace(connection: Any) -> Any:
    """Have a connection tried again every two seconds: Celery's pauses grow to half a minute, in which callers wait."""
    connection.ensure_connection = partial(connection.ensure_connection, interval_step=0)
    return connection
