"""Deletes callers' personal data and transcripts: after the retention time, and on request.

The row of the call stays, with its times and figures, so that statistics do not change. What is deleted: the caller's
number and participant, the room's name (LiveKit puts the number into it), SIP and Twilio ids, the text of every turn,
the details of events, what tools were asked and answered, the caller in stored webhooks, and the bodies of dead
letters. Later reports from LiveKit about these rooms are not stored. Only ended calls are touched.
"""

import hmac
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.admin.models import LogEntry as AdminLogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.crypto import salted_hmac

from calls.models import Call, CallEvent, DeadLetter, Erasure, PhoneNumber, ToolCall, Turn, WebhookEvent
from calls.phone import national_forms, to_e164
from calls.privacy.erased_rooms import erased_name, lock_rooms
from calls.states import FINAL, LIVE
from common.json_values import storable_text

BATCH = 500  # calls at a time; a purge holds no locks for longer than these take


class StillLive(Exception):
    """A call of this number is in progress: it would write again what is deleted now."""


@dataclass(slots=True)
class Counts:
    """How many rows lost something."""

    calls: int = 0
    turns: int = 0
    events: int = 0
    webhooks: int = 0
    dead_letters: int = 0

    def __iadd__(self, other: "Counts") -> "Counts":
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + number)
        return self


def due(now: datetime) -> QuerySet[Call]:
    """Calls that are over and older than their number, or CALLS_KEPT_DAYS, keeps them."""
    old = Q(pk__in=[])
    own = PhoneNumber.objects.exclude(kept_days=None).values_list("pk", "kept_days")
    for number_id, days in own:
        old |= Q(phone_number_id=number_id, ended_at__lt=now - timedelta(days=days or 0))
    if settings.CALLS_KEPT_DAYS > 0:
        general = Q(phone_number=None) | Q(phone_number__kept_days=None)
        old |= general & Q(ended_at__lt=now - timedelta(days=settings.CALLS_KEPT_DAYS))
    return Call.objects.filter(old, status__in=FINAL, erased_at=None)


def shortest_time() -> timedelta | None:
    """The shortest time for which anything said is kept; None if everything is kept forever."""
    days = [kept for kept in PhoneNumber.objects.exclude(kept_days=None).values_list("kept_days", flat=True) if kept]
    days += [settings.CALLS_KEPT_DAYS] if settings.CALLS_KEPT_DAYS > 0 else []
    return timedelta(days=min(days)) if days else None


def purge(now: datetime | None = None) -> Counts:
    """Erase every call that is due."""
    total = Counts()
    for batch in _batches(due(now or timezone.now())):
        total += _erase(batch)
    return total


def calls_with(number: str) -> QuerySet[Call]:
    """The calls in which this number, in E.164, called or was called by an agent.

    What a trunk told in another form stands so in the row where it could be read in two ways, as in rows of old.
    """
    digits = number.removeprefix("+")
    country, national = national_forms(number)
    abroad = Q(caller_number__in=[number, digits, f"00{digits}", f"011{digits}"])
    return Call.objects.filter(abroad | Q(caller_number__in=national, called_number__startswith=country))


def erase_number(number: str, asked_by: str, reason: str = "") -> Erasure:
    """Erase every call of a caller, and return the proof; nothing is erased without one.

    Erasing again is allowed, and creates a proof of zeros. Raises ValidationError for an invalid number, and StillLive
    while one of its calls is in progress.
    """
    e164 = to_e164(number)
    live = calls_with(e164).filter(status__in=LIVE).count()
    if live:
        raise StillLive(f"{live} calls from this number are still in progress. End them or wait, then try again.")
    with transaction.atomic():
        total = Counts()
        for batch in _batches(calls_with(e164).filter(status__in=FINAL)):
            total += _erase(batch)
        why = storable_text(reason)[:200]
        erasure = Erasure(number_digest=digest(e164), asked_by=asked_by, reason=why, **asdict(total))
        erasure.seal = _seal(erasure)
        erasure.save(force_insert=True)
    return erasure


def proofs(number: str) -> QuerySet[Erasure]:
    """The deletions of this number, newest first. Raises ValidationError for an invalid number."""
    return Erasure.objects.filter(number_digest=digest(to_e164(number)))


def is_genuine(erasure: Erasure) -> bool:
    """Whether the proof is as it was written."""
    return hmac.compare_digest(erasure.seal, _seal(erasure))


def digest(e164: str) -> str:
    """What is kept of a number: without DJANGO_SECRET_KEY nobody finds it by trying all numbers."""
    return salted_hmac("calls.erasure.number", e164, algorithm="sha256").hexdigest()


def _seal(erasure: Erasure) -> str:
    fields = ("id", "number_digest", "reason", "asked_by", *Counts.__dataclass_fields__)
    text = "\n".join([*(str(getattr(erasure, name)) for name in fields), erasure.erased_at.isoformat()])
    return salted_hmac("calls.erasure.seal", text, algorithm="sha256").hexdigest()


def _batches(calls: QuerySet[Call]) -> Iterator[list[tuple[UUID, str]]]:
    """Ids and rooms, so many at a time; a call that was erased is not found again."""
    rows = list(calls.values_list("pk", "room_name"))
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


_WITHOUT_DETAIL = Func(F("detail"), Cast(Value("detail"), TextField()), arg_joiner=" - ", template="(%(expressions)s)")


@transaction.atomic
def _erase(batch: list[tuple[UUID, str]]) -> Counts:
    ids, rooms = [pk for pk, _ in batch], [room for _, room in batch]
    lock_rooms(rooms)  # before the calls, as whoever handles a webhook does
    # First: whoever adds to one of these calls has done so before, or finds that it is erased.
    list(Call.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    events = CallEvent.objects.filter(call__in=ids)
    counts = Counts(
        turns=Turn.objects.filter(call__in=ids).exclude(text="").update(text=""),
        # Which state the call entered, and why, says nothing about the caller; what exactly failed may quote it.
        events=events.filter(to_status="").exclude(detail={}).update(detail={})
        + events.filter(detail__has_key="detail").update(detail=_WITHOUT_DETAIL),
        # The rows stay: their ids are what makes a replay harmless.
        webhooks=WebhookEvent.objects.filter(room_name__in=rooms).update(room_name="", participant=""),
        dead_letters=DeadLetter.objects.filter(call__in=ids).exclude(body="").update(body=""),
    )
    ToolCall.objects.filter(call__in=ids).delete()
    Call.objects.bulk_update([Call(pk=pk, room_name=erased_name(room)) for pk, room in batch], ["room_name"])
    history = AdminLogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Call))
    history.filter(object_id__in=[str(pk) for pk in ids]).update(object_repr="call")
    counts.calls = Call.objects.filter(pk__in=ids).update(
        caller_number="",
        caller_identity="",
        sip_call_id="",
        twilio_call_sid="",
        end_detail="",
        erased_at=timezone.now(),
    )
    return counts
