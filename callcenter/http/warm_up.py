"""What the first request of a web process would wait for: 1.4 s of imports and connections, while a caller rings."""

import structlog
from django.db import DatabaseError, connection
from django.urls import get_resolver
from kombu.exceptions import OperationalError

from callcenter.celery import app

log = structlog.get_logger(__name__)


def web() -> None:
    """Import every page, and open a connection to the database and to the broker. A failure is only logged."""
    _ = get_resolver().reverse_dict  # made from the URLs, which import every view
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        log.warning("database_away", error=str(error))
    finally:
        connection.close()
    try:
        with app.producer_or_acquire() as producer:
            producer.connection.ensure_connection(max_retries=1)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=str(error))
