"""The Celery app: queues and the acknowledgement rules that calls depend on.

A call is one long-running message on the queue `calls`. It is acknowledged when the call has ended, and a worker holds
exactly as many messages as it has slots, so that no caller waits behind another's call.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_ready
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcenter.settings")
# A Celery worker would run Django's checks, which import every page of the admin and the API (22 MB), and drop what
# they find. `manage.py check` shows it.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

CALLS = Queue(
    "calls",
    Exchange("calls", type="direct"),
    routing_key="calls",
    queue_arguments={"x-dead-letter-exchange": "calls.dead", "x-dead-letter-routing-key": "calls.dead"},
)
DEAD_CALLS = Queue("calls.dead", Exchange("calls.dead", type="direct"), routing_key="calls.dead")
HOUSEKEEPING = Queue("housekeeping", Exchange("housekeeping", type="direct"), routing_key="housekeeping")

app = Celery("callcenter")
app.conf.update(
    task_queues=[CALLS, HOUSEKEEPING, DEAD_CALLS],
    task_default_queue="housekeeping",
    task_routes={
        "workers.*": {"queue": "calls"},
        "calls.*": {"queue": "housekeeping"},
        "agents.*": {"queue": "housekeeping"},
    },
    task_create_missing_queues=False,
    task_acks_late=True,
    # What a worker cannot carry out, and what it cannot even read, dies in `calls.dead`: it is neither lost nor tried
    # again for ever.
    task_acks_on_failure=False,
    worker_consumer="callcenter.celery_adapters.consumer:RefusingConsumer",
    worker_prefetch_multiplier=1,
    # A live call survives a restart of the broker; its redelivered copy loses the claim.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # RabbitMQ closes the channel of a worker whose message it has waited for too long; Celery would stop the worker.
    broker_channel_error_retry=True,
    # Restoring it after a reconnect, Celery reads the broker's socket from a pool thread while its loop does too.
    worker_enable_prefetch_count_reduction=False,
    # A webhook must not hang on a broker that is down: fail at once, the sweep sends the call again.
    broker_transport_options={"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2},
    broker_connection_timeout=1.0,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2},
    task_ignore_result=True,
    worker_send_task_events=True,
    task_send_sent_event=True,
    timezone="UTC",
    beat_schedule={
        "sweep": {"task": "calls.sweep", "schedule": 2.0},
        "reap": {"task": "calls.reap", "schedule": 10.0},
        "collect_dead_letters": {"task": "calls.collect_dead_letters", "schedule": 10.0},
        # About once a day, and not at the same times: two that delete much would take both of housekeeping's threads.
        "purge_calls": {"task": "calls.purge", "schedule": 24 * 3600.0},
        "forget_webhooks": {"task": "calls.forget_webhooks", "schedule": 25 * 3600.0},
        "forget_lines": {"task": "agents.forget_lines", "schedule": 26 * 3600.0},
        "forget_idempotency_keys": {"task": "calls.forget_idempotency_keys", "schedule": 3600.0},
    },
)
app.config_from_object("django.conf:settings", namespace="CELERY")
# The task of a call is imported by the workers alone (celery worker -I workers.tasks): it brings Pipecat with it.
app.autodiscover_tasks(["agents", "calls"])


@celeryd_init.connect
def refuse_unsafe_secrets(**_: Any) -> None:
    """Start no worker with a well-known secret."""
    from django.core.exceptions import ImproperlyConfigured

    from callcenter.environment import safe_start

    try:
        safe_start.refuse_unsafe_secrets()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error  # Celery swallows every other error of a signal


@worker_ready.connect
def declare_queues(sender: Any, **_: Any) -> None:
    """Declare every queue, also those that this worker does not consume: a dead letter without a queue is lost."""
    with app.connection_for_write() as connection:
        for queue in (CALLS, HOUSEKEEPING, DEAD_CALLS):
            queue(connection.default_channel).declare()


@setup_logging.connect
def use_django_logging(**_: Any) -> None:
    """Connected so that Celery leaves the logging of `settings.LOGGING` alone."""
