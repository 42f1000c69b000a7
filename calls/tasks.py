"""Housekeeping: what has to be done beside calls. Each task parses, calls one service and returns."""

from datetime import timedelta

from asgiref.sync import async_to_sync
from celery import shared_task
from django.utils import timezone

from calls import dispatch, rooms
from calls.models import Call, WebhookEvent

UNCLAIMED_AFTER = timedelta(seconds=3)
WEBHOOKS_KEPT = timedelta(days=14)


@shared_task(name="calls.close_room", autoretry_for=(Exception,), max_retries=5, retry_backoff=1, retry_backoff_max=10)
def close_room(room_name: str) -> None:
    """Close a LiveKit room; retried, because a caller would otherwise stay in it and hear nothing."""
    async_to_sync(rooms.delete_room)(room_name)


@shared_task(name="calls.sweep", expires=2)
def sweep() -> None:
    """Send again every call that is still queued three seconds after its message was sent: the message may be lost."""
    for call in Call.objects.unclaimed(UNCLAIMED_AFTER):
        Call.objects.filter(pk=call.pk).update(sent_at=timezone.now())
        dispatch.send_call(call.pk)


@shared_task(name="calls.forget_webhooks")
def forget_webhooks() -> None:
    """Delete webhooks that are too old to be replayed: their tokens have long expired."""
    WebhookEvent.objects.filter(received_at__lt=timezone.now() - WEBHOOKS_KEPT).delete()
