"""Who speaks to the caller: the agent, or a supervisor in its place.

The row says it, so that the next agent knows when one is lost meanwhile. What supervisors tell the agent stands among
the call's events. A message to the agent is only a hint that there is something new.
"""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from calls.lifecycle import services
from calls.models import Call, CallEvent, Supervision
from calls.states import LIVE, Floor

TAKEN, HANDED_BACK, WHISPERED = "taken_over", "handed_back", "whispered"


@dataclass(frozen=True, slots=True)
class State:
    """Who has the floor, and what supervisors have told the agent since it last looked, in that order."""

    floor: Floor
    identity: str
    told: tuple[CallEvent, ...]


@transaction.atomic
def take(call_id: uuid.UUID, identity: str, by: str) -> bool:
    """Give the floor to a supervisor's participant. False unless the call was answered, goes on, and is the agent's."""
    answered = Call.objects.filter(pk=call_id, status__in=LIVE, answered_at__isnull=False, floor=Floor.AGENT)
    if not answered.update(floor=Floor.SUPERVISOR, floor_identity=identity):
        return False
    services.write_event(call_id, TAKEN, by=by)
    return True


@transaction.atomic
def hand_back(call_id: uuid.UUID, *, identity: str = "", by: str = "", note: str = "") -> bool:
    """Give the floor to the agent again, with a `note` for it. False when it has it already, or when somebody else than
    `identity`, if it is given, has it.
    """
    held = Call.objects.filter(pk=call_id, floor=Floor.SUPERVISOR)
    if identity:
        held = held.filter(floor_identity=identity)
    if not held.update(floor=Floor.AGENT, floor_identity=""):
        return False
    services.write_event(call_id, HANDED_BACK, by=by, note=note)
    return True


def state(call_id: uuid.UUID, after: int = 0) -> State:
    """Who has the floor, and what supervisors have told the agent in events with ids beyond `after`."""
    floor, identity = Call.objects.values_list("floor", "floor_identity").get(pk=call_id)
    told = CallEvent.objects.filter(call=call_id, kind__in=(HANDED_BACK, WHISPERED), pk__gt=after).order_by("pk")
    return State(Floor(floor), identity, tuple(told))


def supervised(calls: QuerySet[Call]) -> QuerySet[Call]:
    """Those of the calls whose caller talks to a supervisor, who is there."""
    there = Supervision.objects.present().filter(call=OuterRef("pk"), identity=OuterRef("floor_identity"))
    return calls.filter(Exists(there), floor=Floor.SUPERVISOR)
