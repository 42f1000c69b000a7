"""What supervisors do in live calls: listen, whisper to the agent, take over, hand back, and take notes.

Each is written, audited and counted first; then the agent is told to look. A message that gets lost costs a delay: the
agent looks, too, when a supervisor comes or goes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from asgiref.sync import async_to_sync
from auditlog.models import LogEntry
from django.db import transaction
from livekit import api

from calls.lifecycle import floor, services
from calls.livekit import supervisors
from calls.models import Call, Supervision
from calls.privacy import audit
from calls.reporting.collectors import count_supervision
from calls.states import FINAL, Floor

log = structlog.get_logger(__name__)


NOT_LISTENING = "Listen to the call first: this browser is not in it."


class NotNow(Exception):
    """The call is not in a state for this. The message says why, to a supervisor."""


class Unreachable(Exception):
    """LiveKit does not answer."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What a browser needs to hear a call. `identity` names its participant, for whoever takes over with it."""

    url: str
    token: str
    identity: str


def listen(user: Any, call: Call) -> Listening:
    """Let a user's browser hear a call, hidden. Raises NotNow unless the conversation is going on."""
    if call.status in FINAL or call.answered_at is None:
        raise NotNow("Nobody is talking: the call has ended, or its conversation has not begun.")
    identity = supervisors.new_identity(user.pk)
    with transaction.atomic():
        Supervision.objects.create(call=call, user=user, identity=identity)
        services.write_event(call.pk, "supervisor_listens", by=user.get_username())
        audit.record(user, call, "listened", action=LogEntry.Action.ACCESS)
    count_supervision("listen")
    ticket = supervisors.ticket(call.room_name, identity)
    return Listening(ticket.url, ticket.token, identity)


def whisper(user: Any, call: Call, text: str, *, say_now: bool) -> None:
    """Tell the agent something that the caller does not hear: to act on at once, or to keep in mind.

    Raises NotNow when no agent talks to the caller.
    """
    if call.status in FINAL or call.answered_at is None:
        raise NotNow("No agent is talking to the caller: the call has ended, or its conversation has not begun.")
    if call.floor == Floor.SUPERVISOR:
        raise NotNow("A supervisor is talking to the caller. Add a note for the agent when you hand the call back.")
    with transaction.atomic():
        services.write_event(call.pk, floor.WHISPERED, by=user.get_username(), text=text, say_now=say_now)
        audit.record(user, call, "whispered to the agent")
    count_supervision("whisper")
    _have_agent_look(call)


def take_over(user: Any, call: Call, identity: str) -> None:
    """Have the user's browser, which listens as `identity`, speak in the agent's place.

    Raises NotNow when the call has ended, somebody else has it, or the browser is not in it; Unreachable.
    """
    if not Supervision.objects.filter(call=call, user=user, identity=identity, left_at=None).exists():
        raise NotNow(NOT_LISTENING)
    with transaction.atomic():
        if not floor.take(call.pk, identity, user.get_username()):
            raise NotNow("The call has ended, or another supervisor has taken it over.")
        audit.record(user, call, "took the call over")
    count_supervision("take_over")
    _have_agent_look(call)
    try:
        with _livekit():
            if not async_to_sync(supervisors.let_speak)(call.room_name, identity):
                raise NotNow(NOT_LISTENING)
    except (NotNow, Unreachable):
        floor.hand_back(call.pk, identity=identity)
        _have_agent_look(call)
        raise


def hand_back(user: Any, call: Call, note: str) -> None:
    """Give the call back to the agent, which reads the note. Raises NotNow when it has the call already."""
    with transaction.atomic():
        if not floor.hand_back(call.pk, by=user.get_username(), note=note):
            raise NotNow("The agent has the call already.")
        audit.record(user, call, "handed the call back")
    count_supervision("hand_back")
    _have_agent_look(call)


def add_note(user: Any, call: Call, text: str) -> None:
    """Write a note on a call, live or over, for those who read it later."""
    with transaction.atomic():
        services.write_event(call.pk, "note", by=user.get_username(), text=text)
        audit.record(user, call, "added a note")
    count_supervision("note")


def _have_agent_look(call: Call) -> None:
    """No agent may be there, as between two workers: the next one looks when it comes."""
    attempt = Call.objects.values_list("attempt", flat=True).get(pk=call.pk)
    try:
        with _livekit():
            async_to_sync(supervisors.have_agent_look)(call.room_name, attempt)
    except Unreachable as error:
        log.warning("agent_not_told", call_id=str(call.pk), error=str(error))


@contextmanager
def _livekit() -> Iterator[None]:
    try:
        yield
    except (api.ServerError, aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(f"LiveKit did not answer: {type(error).__name__}") from error
