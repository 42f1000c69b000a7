"""Dead letters: read from the queue `calls.dead`, recorded, shown in the call's history, and resent on request.

Their bodies and headers may be anything, so they are read as raw AMQP and not as tasks.
"""

import hashlib
import json
import re
from typing import Any

import structlog
from amqp import Message
from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from calls.lifecycle import enqueue, services
from calls.models import Call, DeadLetter
from calls.models.dead_letter import Cause
from calls.states import Status

log = structlog.get_logger(__name__)

QUEUE = "calls.dead"
AT_ONCE = 1000  # messages that one run takes at most, so that it ends
BODY_KEPT = 2048  # characters
IDS_TRIED = 10  # of each text that may name the call
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CAUSES = {
    "": Cause.PUT_THERE,
    "expired": Cause.EXPIRED,
    "maxlen": Cause.QUEUE_FULL,
    "delivery_limit": Cause.TOO_OFTEN,
}


def collect() -> int:
    """Record what waits in `calls.dead`, and empty the queue; return how many messages were there.

    A message is acknowledged after its row is committed. Whatever fails before leaves it in the queue. Raises what the
    broker (`common.broker.BROKER_ERRORS`) and the database raise when they are unavailable.
    """
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel  # a channel of py-amqp, which kombu's types do not say
        for taken in range(AT_ONCE):
            message: Message | None = channel.basic_get(QUEUE)
            if message is None:
                return taken
            write(message)
            channel.basic_ack(message.delivery_tag)
    return AT_ONCE


@transaction.atomic
def write(message: Message) -> DeadLetter | None:
    """Record a message, and an event of its call if it names one. None when it was written before."""
    headers = message.properties.get("application_headers") or {}
    body = message.body if isinstance(message.body, bytes) else message.body.encode("utf-8", "surrogatepass")
    death = _last_death(headers)
    reason, task = _text(death.get("reason", "")), _text(headers.get("task") or "")
    text = _text(body[:BODY_KEPT].decode("utf-8", "backslashreplace"))
    letter, is_new = DeadLetter.objects.get_or_create(
        digest=_digest(message, headers, death, body),
        defaults={
            "call": _call_named(_text(headers.get("argsrepr", "")), text),
            "cause": _CAUSES.get(reason) or _why_refused(headers, body),
            "reason": reason[:40],
            "task": task[:200],
            "body": text[:BODY_KEPT],
        },
    )
    if not is_new:
        return None
    if letter.call:
        services.write_event(letter.call.pk, "dead_letter", why=letter.cause)
    log.warning(
        "dead_letter", call_id=str(letter.call_id or ""), cause=letter.cause, reason=letter.reason, task=letter.task
    )
    return letter


@transaction.atomic
def send_again(letter: DeadLetter, user: User | None) -> bool:
    """Send the letter's call to the workers again, on commit. False, and nothing sent, when it does not wait for one.

    The message itself is not sent: whatever was wrong with it would be wrong again.
    """
    call = letter.call
    if call is None or not Call.objects.filter(pk=call.pk, status=Status.QUEUED).update(sent_at=Now()):
        return False
    letter.resent_at, letter.resent_by = timezone.now(), user
    letter.save(update_fields=["resent_at", "resent_by"])
    services.write_event(call.pk, "sent_again", by=user.get_username() if user else "")
    transaction.on_commit(lambda: enqueue.send_call(call.pk))
    return True


def _last_death(headers: dict[str, Any]) -> dict[str, Any]:
    """RabbitMQ's record of why the message is here; empty when it never was in another queue."""
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else {}
    return last if isinstance(last, dict) else {}


def _why_refused(headers: dict[str, Any], body: bytes) -> Cause:
    task = headers.get("task")
    if not isinstance(task, str) or not _is_json_list(body):
        return Cause.UNREADABLE
    return Cause.REFUSED if task == enqueue.RUN_CALL else Cause.UNKNOWN_TASK


def _is_json_list(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), list)
    except (ValueError, RecursionError):
        return False


def _call_named(*texts: str) -> Call | None:
    """The first call whose id stands in the texts."""
    ids = [found for text in texts for found in _UUID.findall(text)[:IDS_TRIED]]
    calls = {str(call.pk): call for call in Call.objects.filter(pk__in=ids)}
    return next((calls[found] for found in ids if found in calls), None)


def _digest(message: Message, headers: dict[str, Any], death: dict[str, Any], body: bytes) -> str:
    """The same for each delivery of one message; RabbitMQ's time of death tells apart those without an id.

    Without an id, equal messages that died within the same second count as one: the broker's clock has no fractions.
    """
    identity = [message.properties.get("message_id"), headers.get("id")]
    identity += [death.get(key) for key in ("reason", "queue", "count", "time")]
    return hashlib.sha256(json.dumps(identity, default=repr).encode() + body).hexdigest()


def _text(value: Any) -> str:
    """The value as text that PostgreSQL can store: no NUL, no half of a surrogate pair."""
    return str(value).encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
