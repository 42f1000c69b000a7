"""RabbitMQ, as the web process and housekeeping use it: tasks sent by name, and queues asked for their length."""

from typing import Any

from celery import current_app
from kombu.exceptions import ChannelError, ConnectionError, OperationalError

# A broker that is down, that refuses the password, or that closes the connection.
BROKER_ERRORS = (OperationalError, ConnectionError, ChannelError, OSError)


def send(task: str, argument: str | int, log: Any) -> None:
    """Send a task, by its name, with its only argument. A broker that is down is logged, not raised."""
    try:
        current_app.send_task(task, args=[argument])
    except BROKER_ERRORS as error:
        log.warning("message_not_sent", task=task, argument=argument, error=str(error))


def send_later(task: str, arguments: tuple[int, ...], after_s: float, log: Any) -> None:
    """Send a task that is to be carried out after so many seconds. A broker that is down is logged, not raised."""
    try:
        current_app.send_task(task, args=arguments, countdown=after_s)
    except BROKER_ERRORS as error:
        log.warning("message_not_sent", task=task, arguments=arguments, error=str(error))


def reach() -> None:
    """Open a connection to RabbitMQ and close it again. Raises one of BROKER_ERRORS within 3 s."""
    with current_app.connection_for_read() as connection:
        connection.default_channel  # noqa: B018  asking for it connects


def waiting_messages(queue: str) -> int:
    """How many messages wait in a queue, without those that workers hold. Raises as `reach` does; also without it."""
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel  # py-amqp's, which kombu does not name
        return int(channel.queue_declare(queue, passive=True).message_count)
