"""Housekeeping: work outside calls. Each task parses, calls one service and returns."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from asgiref.sync import async_to_sync
from celery import shared_task
from django.db.models.functions import Now
from django.utils import timezone

from calls.housekeeping import dead_letters, reaper
from calls.lifecycle import elapsed, enqueue, leases, overflow
from calls.livekit import rooms
from calls.models import Call, WebhookEvent
from calls.outbound import idempotency
from calls.privacy import erasure

UNCLAIMED_AFTER = timedelta(seconds=3)
EXPIRE_S = 30
"""Of a task that is sent every few seconds: they would pile up while no housekeeping runs. The clocks of two hosts are
compared, that of beat and that of housekeeping, so it is longer than these differ."""
WEBHOOKS_KEPT = timedelta(days=14)


@shared_task(name="calls.close_room", autoretry_for=(Exception,), max_retries=5, retry_backoff=1, retry_backoff_max=10)
def close_room(room_name: str) -> None:
    """Close a LiveKit room; retried, because a caller would otherwise stay in it and hear nothing."""
    async_to_sync(rooms.delete_room)(room_name)


@shared_task(name="calls.announce")
def announce(call_id: str) -> None:
    """Have the caller of an ended call hear why it ends, and hang up. A thread continues after the task."""
    from calls.housekeeping import announcer  # brings LiveKit's media library, which the web process does not need

    announcer.start(uuid.UUID(call_id))


def one_at_a_time(work: Callable[[], None]) -> Callable[[], None]:
    """Do nothing while this process does the same in another thread.

    With a slow database these tasks would hold all its threads, and what else housekeeping has to do, such as closing a
    room, would wait.
    """
    busy = threading.Lock()

    @wraps(work)
    def run() -> None:
        if busy.acquire(blocking=False):
            try:
                work()
            finally:
                busy.release()

    return run


@shared_task(name="calls.sweep", expires=EXPIRE_S)
@one_at_a_time
def sweep() -> None:
    """Queue the calls of lost workers again, and send what is still queued 3 s after its message: it may be lost."""
    elapsed.clock_watch.look()
    leases.take_back_expired()
    if leases.sweep_is_steady():  # otherwise nobody could take them: the database was down, or its clock was changed
        leases.end_unresumed()
    overflow.overflow_due()
    for call in Call.objects.unclaimed(UNCLAIMED_AFTER):
        Call.objects.filter(pk=call.pk).update(sent_at=Now())
        enqueue.send_call(call.pk)


@shared_task(name="calls.reap", expires=EXPIRE_S)
@one_at_a_time
def reap() -> None:
    """Compare the calls with what LiveKit has, and repair what differs."""
    elapsed.clock_watch.look()  # before calls that seem to have lasted for too long are ended
    reaper.reap()


@shared_task(name="calls.collect_dead_letters", expires=EXPIRE_S)
@one_at_a_time
def collect_dead_letters() -> None:
    """Record the messages that no worker took."""
    dead_letters.collect()


@shared_task(name="calls.purge")
def purge() -> None:
    """Delete what callers said when its retention time is over."""
    erasure.purge()


@shared_task(name="calls.forget_webhooks")
def forget_webhooks() -> None:
    """Delete webhooks that are too old to be replayed: their tokens have long expired."""
    WebhookEvent.objects.filter(received_at__lt=timezone.now() - WEBHOOKS_KEPT).delete()


@shared_task(name="calls.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Delete the keys of requests that are too old to be sent again."""
    idempotency.forget_old()
