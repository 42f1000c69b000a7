"""The queues of the real broker, as tests look into them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection

from callcenter.celery import declare_queues
from calls.housekeeping.dead_letters import QUEUE
from tests.calls.lifecycle.test_enqueue import broker


@contextmanager
def emptied_queues(url: str) -> Iterator[Any]:
    """A channel to the broker, whose queues of calls and of dead letters exist and are empty."""
    with broker(url), Connection(url) as connection:
        declare_queues(sender=None)
        channel: Any = connection.default_channel
        for queue in ("calls", QUEUE):
            channel.queue_purge(queue)
        yield channel


def waiting(channel: Any, queue: str) -> int:
    """How many messages are ready in a queue: those that nobody holds."""
    return int(channel.queue_declare(queue, passive=True).message_count)
