"""Two requests under one key place one call: a client whose request timed out may safely retry.

The convention is Stripe's, and of the IETF's draft-ietf-httpapi-idempotency-key-header. A key belongs to a user, also
when a token asks, and is kept for 24 hours. Only what began a call is kept: after a refusal the same key may be tried
again. Two requests at once wait for each other, and the second finds the call of the first.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from calls.models import Call, IdempotencyKey

KEPT = timedelta(hours=24)


class KeyReused(Exception):
    """The key was used for another request."""


class Answer(NamedTuple):
    """The call that was begun or found, and the HTTP status that said so first."""

    call: Call
    status: int
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with a key. The fingerprint says whether another one is the same; it cannot be turned back."""

    user_id: int
    key: str
    fingerprint: str

    @classmethod
    def of(cls, user_id: int, key: str, method: str, path: str, body: Any) -> "KeyedRequest":
        """`body` is what was parsed; the order of its fields does not matter."""
        text = json.dumps([method, path, body], sort_keys=True, default=str)
        return cls(user_id, key, salted_hmac("calls.idempotency", text, algorithm="sha256").hexdigest())


def earlier_answer(request: KeyedRequest) -> Answer | None:
    """What the same request was answered before, or None. Raises KeyReused when another request had this key."""
    rows = IdempotencyKey.objects.filter(user=request.user_id, key=request.key, created_at__gt=timezone.now() - KEPT)
    row = rows.select_related("call").first()
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise KeyReused
    return Answer(row.call, row.answered_with, is_repeat=True)


@transaction.atomic
def once(request: KeyedRequest | None, begin: Callable[[], Answer]) -> Answer:
    """Return the earlier answer to this request, or what `begin` answers now, in one transaction with its key.

    Without a key it only begins. Raises KeyReused, and whatever `begin` raises; then nothing is written.
    """
    if request is None:
        return begin()
    with connection.cursor() as cursor:  # whoever asks under the same key at the same time waits here
        lock = f"calls.idempotency:{request.user_id}:{request.key}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
    earlier = earlier_answer(request)
    if earlier is not None:
        return earlier
    answer = begin()
    IdempotencyKey.objects.update_or_create(  # one that is too old to count may still be there
        user_id=request.user_id,
        key=request.key,
        defaults={
            "fingerprint": request.fingerprint,
            "call": answer.call,
            "answered_with": answer.status,
            "created_at": timezone.now(),
        },
    )
    return answer


def forget_old() -> int:
    """Delete the keys that no longer count, and return how many."""
    return IdempotencyKey.objects.filter(created_at__lte=timezone.now() - KEPT).delete()[0]
