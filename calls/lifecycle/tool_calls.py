"""Tools are called once: the record of each request survives the agent that made it."""

import json
import uuid
from typing import Any

from django.db import transaction
from django.db.models import Q

from calls.models import Call, ToolCall, Turn
from calls.models.history import Speaker


class MovedOn(Exception):
    """The call continues without this attempt, which may call no more tools."""


def key_of(call_id: uuid.UUID, turn: int, tool: str, arguments: Any) -> uuid.UUID:
    """The key of a request that nobody has made yet: the same for the same question, also without a database."""
    return uuid.uuid5(call_id, json.dumps([turn, tool, arguments], sort_keys=True))


@transaction.atomic
def request(call_id: uuid.UUID, attempt: int, turn: int, tool: str, arguments: Any) -> ToolCall:
    """The record under which the tool is asked now: a new one, or that of the same request, which

    - has had no answer yet: its agent was lost, its service silent, or the caller interrupted it; or
    - was made since the caller spoke last, after `turn` turns of the caller.

    Raises MovedOn when `attempt` is no longer the call's.
    """
    if not Call.objects.select_for_update().filter(pk=call_id, attempt=attempt, erased_at=None).exists():
        raise MovedOn
    same = ToolCall.objects.filter(call=call_id, tool=tool, arguments=arguments)
    known = same.filter(Q(answered_at=None) | Q(turn=turn)).order_by("requested_at").last()
    return known or ToolCall.objects.create(
        key=key_of(call_id, turn, tool, arguments), call_id=call_id, turn=turn, tool=tool, arguments=arguments
    )


def untold(call_id: uuid.UUID) -> list[ToolCall]:
    """What was asked for since the caller spoke last, and the agent has not begun to speak about: oldest first."""
    turns = Turn.objects.filter(call=call_id)
    asked = turns.filter(speaker=Speaker.CALLER).count()
    spoke = turns.filter(speaker=Speaker.AGENT).order_by("number").last()
    recent = ToolCall.objects.filter(call=call_id, turn__gte=asked).order_by("requested_at")
    return [one for one in recent if spoke is None or spoke.started_at <= (one.answered_at or one.requested_at)]
