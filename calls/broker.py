"""The broker, asked by the web process itself."""

from typing import Any

from celery import current_app


def reach() -> None:
    """Open a connection to RabbitMQ and close it again. Raises one of agents.dispatch.BROKER_ERRORS within 3 s."""
    with current_app.connection_for_read() as connection:
        connection.default_channel  # noqa: B018  asking for it connects


def waiting_messages(queue: str) -> int:
    """How many messages wait in a queue, without those that workers hold. Raises as `reach` does; also without it."""
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel  # py-amqp's, which kombu does not name
        return int(channel.queue_declare(queue, passive=True).message_count)
