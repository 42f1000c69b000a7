"""What is in a broker's queues."""

from dataclasses import dataclass
from typing import Any

import amqp
from kombu import Connection

CONNECT_WITHIN_S = 2.0


@dataclass(frozen=True)
class Queue:
    """Messages that wait, without those that a consumer has and has not acknowledged; and who takes them."""

    messages: int
    consumers: int


def look(broker_url: str, *names: str) -> dict[str, Queue]:
    """The queues of these names that exist. Raises OSError or amqp.AMQPError when the broker is unavailable."""
    found = {}
    with Connection(broker_url, connect_timeout=CONNECT_WITHIN_S) as connection:
        for name in names:
            try:
                channel: Any = connection.channel()
                declared = channel.queue_declare(name, passive=True)
            except amqp.NotFound:  # which closes the channel
                continue
            found[name] = Queue(declared.message_count, declared.consumer_count)
            channel.close()
    return found


def has_consumer(broker_url: str, name: str) -> bool:
    """Whether a worker takes messages from the queue; False when the broker is unavailable."""
    try:
        queue = look(broker_url, name).get(name)
    except (OSError, amqp.AMQPError):
        return False
    return queue is not None and queue.consumers > 0
