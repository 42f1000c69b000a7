"""What a worker does with a message that it cannot process, and without a broker: it rejects it, and continues.

Celery 5.7 acknowledges what it cannot decode, which loses it. On a message whose headers or body are not shaped as it
expects, its worker ends; the broker would give the message to the next worker, and end that one too.
"""

from collections.abc import Callable
from typing import Any

import structlog
from celery.worker.consumer import Consumer

from callcenter.celery_adapters.reconnecting import at_a_steady_pace

log = structlog.get_logger(__name__)


class RefusingConsumer(Consumer):
    """Rejects such messages without requeuing them: those of the queue `calls` then reach `calls.dead`."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, as soon as RabbitMQ is there."""
        return super().ensure_connected(at_a_steady_pace(conn))

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse a message. The log shows nothing of its body, which may be anything."""
        log.error("message_refused", error=f"{type(exc).__name__}: {exc}"[:200], bytes=len(message.body))
        if not message.acknowledged:
            message.reject()

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Celery's own; of its errors, only the loss of the broker gets through."""
        handle = super().create_task_handler(*args, **kwargs)
        broker_errors = (*self.connection_errors, *self.channel_errors)  # type: ignore[attr-defined]  # not in the stubs

        def handle_or_refuse(message: Any) -> Any:
            try:
                return handle(message)
            except broker_errors:
                raise
            except Exception as error:
                return self.on_decode_error(message, error)

        return handle_or_refuse
