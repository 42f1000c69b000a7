"""The audit log: access to transcripts, hang-ups, erasures. Edits are recorded by django-auditlog itself
(AUDITLOG_INCLUDE_TRACKING_MODELS in the settings).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from auditlog.context import set_extra_data
from auditlog.middleware import AuditlogMiddleware
from auditlog.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from calls.models import Call, Turn

# The page of a live call asks for itself every few seconds: that is one look.
ONE_LOOK = timedelta(minutes=1)
# Machines: nobody is logged in.
WITHOUT_ACTOR = ("/webhooks/", "/static/")

Actor = AbstractBaseUser | AnonymousUser | None


def record_access(user: Actor, call: Call) -> None:
    """Record that someone viewed a transcript."""
    seen = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Call),
        object_pk=str(call.pk),
        action=LogEntry.Action.ACCESS,
        actor_id=_pk(user),
        timestamp__gt=timezone.now() - ONE_LOOK,
    )
    if not seen.exists():
        record(user, call, "viewed the transcript", action=LogEntry.Action.ACCESS)


def looked_at_turns(user: Actor, found_by: dict[str, Any]) -> None:
    """Record that someone viewed turns of many calls, and with which filters."""
    LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(Turn),
        object_pk="list",
        object_repr="turns",
        action=LogEntry.Action.ACCESS,
        additional_data={**{key: str(value)[:200] for key, value in found_by.items()}, "what": "viewed the transcript"},
        **_actor(user),
    )


def record(
    user: Actor, row: Model, what: str, *, action: int = LogEntry.Action.UPDATE, **details: str | int | None
) -> None:
    """Record what someone did with a row, in words: `record(user, call, "hung up")`."""
    # Not str(row): the name of a call's room has the caller's number in it.
    name = f"{row._meta.verbose_name} {row.pk}"
    data = {"what": what, **details}
    LogEntry.objects.log_create(
        row, force_log=True, action=action, object_repr=name, additional_data=data, **_actor(user)
    )


def _actor(user: Actor) -> dict[str, Any]:
    known = user if user is not None and user.is_authenticated else None
    return {"actor": known, "actor_email": getattr(known, "email", None) or None}


def _pk(user: Actor) -> int | None:
    return user.pk if user is not None and user.is_authenticated else None


class AuditMiddleware(AuditlogMiddleware):  # type: ignore[misc]  # the package has no type hints
    """Tells django-auditlog who made the request: by the connection's address, which a header cannot change."""

    get_response: Callable[[HttpRequest], HttpResponse]

    def get_extra_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"remote_addr": request.META.get("REMOTE_ADDR") or None, "actor": self._get_actor(request)}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(WITHOUT_ACTOR):
            return self.get_response(request)
        with set_extra_data(context_data=self.get_extra_data(request)):
            return self.get_response(request)
