"""The Celery task of a call, and what a worker process prepares before its first one."""

import time
from typing import Any

import structlog

from workers.process import logs  # noqa: F401  before anything that imports Pipecat

# isort: split
from celery import shared_task
from celery.exceptions import Reject
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from workers import metrics
from workers.call import call_runner, lifetime
from workers.media import departures
from workers.process import memory, preload
from workers.process.call_loop import call_loop
from workers.process.draining import draining
from workers.process.heartbeat import heartbeat
from workers.process.metrics_server import metrics_server
from workers.providers import services
from workers.turns import detectors

log = structlog.get_logger(__name__)

RETURN_AFTER_S = 1.0  # a message that this process cannot use goes round once a second and slot, and not faster


@shared_task(name="workers.run_call")
def run_call(call_id: str) -> None:
    """Hold one call from claim to end: the one that has waited longest, which is normally the one named here.

    The message is acknowledged afterwards. A copy of it finds nobody waiting. Between SIGTERM and the end of Celery's
    wait for the next message, one may still come: it goes back to the queue, for another worker. So does one that comes
    while this process is cut off from what a call needs, after a pause: it may be this process that gets it again.
    """
    if draining.has_begun:
        raise Reject("this worker is stopping", requeue=True)
    try:
        if not heartbeat.is_beating():
            raise lifetime.NotClaimed("the heartbeat is not written, so that a call would be taken for lost")
        call_loop.run(lifetime.handle())
    except lifetime.NotClaimed as error:
        log.warning("message_returned", reason=str(error))
        time.sleep(RETURN_AFTER_S)
        raise Reject(str(error), requeue=True) from error


@worker_init.connect
def prepare_process(**_: Any) -> None:
    """Load what calls use and put the memory of start-up in order, so that neither delays a caller later.

    Raises SystemExit, which alone Celery lets through, when the settings name nothing that could hold a call.
    """
    try:
        call_runner.load()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error
    memory.limit_malloc()
    preload.load()
    services.load_usual()
    detectors.load()
    memory.settle()


@worker_ready.connect
def count_slots(sender: Any, **_: Any) -> None:
    """From now on this process takes calls; the row of its heartbeat says how many."""
    heartbeat.start(slots=sender.controller.concurrency)
    metrics.slots.set(sender.controller.concurrency)
    metrics_server.start()


@worker_shutting_down.connect
def drain(**_: Any) -> None:
    """SIGTERM: Celery takes no more messages, and waits for its slots, for which there is a limit."""
    heartbeat.drain()
    draining.begin(settings.DRAIN_SECONDS)


@worker_shutdown.connect
def leave(**_: Any) -> None:
    """Every call is over or handed over. LiveKit's native client must not be left while it joins a room."""
    call_loop.run(departures.all_left())
    heartbeat.stop()
    metrics_server.stop()
