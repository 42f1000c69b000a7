"""The world in one line: personas, numbers, calls and signed webhooks, with all that a test does not care about."""

import base64
import hashlib
import itertools
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone
from livekit.api import AccessToken

from agents import services as agent_services
from agents.models import Persona, PersonaTool
from calls.lifecycle import services
from calls.models import Call, CallEvent, OpeningHours, OpeningInterval, PhoneNumber, Turn, WebhookEvent
from calls.models.history import Speaker
from calls.states import FINAL, EndReason, Status

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

_counter = itertools.count(1000)  # +12025550100 and its neighbors are the numbers that tests name
WEBHOOK_PATH = "/webhooks/livekit"


def make_persona(name: str = "", *, published: bool = True, **values: Any) -> Persona:
    """Return a persona with a valid draft, and a live version unless `published` is False."""
    persona = Persona.objects.create(
        name=name or f"Persona {next(_counter)}",
        prompt=values.pop("prompt", "You answer the phone of a bakery. Be brief and kind."),
        voice_id=values.pop("voice_id", "JBFqnCBsd6RMkjVDRZzb"),
        **values,
    )
    if published:
        agent_services.publish(persona)
        persona.refresh_from_db()
    return persona


def make_tool(persona: Persona, name: str = "find_order", **values: Any) -> PersonaTool:
    """Return a valid tool of the persona's draft."""
    defaults: dict[str, Any] = {
        "description": "Finds an order by its number.",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
        "url": "https://example.com/orders",
        "timeout_s": 5.0,
    }
    return PersonaTool.objects.create(persona=persona, name=name, **{**defaults, **values})


def make_number(e164: str = "", persona: Persona | None = None, **values: Any) -> PhoneNumber:
    """Return an active number whose persona is published."""
    return PhoneNumber.objects.create(
        e164=e164 or f"+1202555{next(_counter):04}", persona=persona or make_persona(), **values
    )


def make_hours(name: str = "", *intervals: tuple[int, str, str], time_zone: str = "UTC") -> OpeningHours:
    """Return opening hours of these weekdays and times, `(0, "09:00", "17:00")` for Mondays; without any, closed."""
    hours = OpeningHours.objects.create(name=name or f"Hours {next(_counter)}", time_zone=time_zone)
    OpeningInterval.objects.bulk_create(
        OpeningInterval(hours=hours, weekday=day, opens=opens, closes=closes) for day, opens, closes in intervals
    )
    return hours


ALWAYS = tuple((day, "00:00", "00:00") for day in range(7))
"""Intervals for `make_hours`: around the clock."""


def make_call(status: Status = Status.QUEUED, number: PhoneNumber | None = None, **values: Any) -> Call:
    """Return a call in any state, with the times and the reason that this state asks for."""
    number = number or make_number()
    now = timezone.now()
    defaults: dict[str, Any] = {
        "room_name": f"call-{uuid.uuid4().hex}",
        "phone_number": number,
        "persona_version": number.persona.live_version,
        "called_number": number.e164,
        "caller_number": "+12025550199",
        "caller_identity": "sip_+12025550199",
    }
    if status in {Status.CONNECTING, Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED}:
        defaults |= {"attempt": 1, "lease_holder": "worker:1", "claimed_at": now}
    if status in {Status.IN_PROGRESS, Status.COMPLETED}:
        defaults |= {"answered_at": now - timedelta(seconds=60)}
    if status in FINAL:
        defaults |= {"ended_at": now, "end_reason": _REASONS[status]}
    return Call.objects.create(status=status, **{**defaults, **values})


_REASONS = {
    Status.COMPLETED: EndReason.AGENT_GOODBYE,
    Status.FAILED: EndReason.PROVIDER_FAILURE,
    Status.MISSED: EndReason.CALLER_GAVE_UP,
    Status.REJECTED: EndReason.UNKNOWN_NUMBER,
}


def make_turns(call: Call, *texts: str) -> list[Turn]:
    """Append one turn a text to the call: the agent begins, then caller and agent alternate."""
    start = call.answered_at or call.created_at
    first = call.turns.count()
    return Turn.objects.bulk_create(
        make_turn(call, first + offset + 1, text, started_at=start + timedelta(seconds=4 * (first + offset)))
        for offset, text in enumerate(texts)
    )


def make_turn(call: Call, number: int, text: str = "Hello.", **values: Any) -> Turn:
    """Return a turn that is not saved: odd numbers are the agent's and carry latencies in milliseconds."""
    agent = number % 2 == 1
    started_at: datetime = values.pop("started_at", timezone.now())
    defaults: dict[str, Any] = {
        "speaker": Speaker.AGENT if agent else Speaker.CALLER,
        "started_at": started_at,
        "ended_at": started_at + timedelta(seconds=3),
    }
    if agent and number > 1:
        defaults |= {"reply_ms": 580, "end_of_turn_ms": 250, "stt_ms": 30, "llm_ms": 150, "tts_ms": 120}
    return Turn(call=call, number=number, text=text, **{**defaults, **values})


def make_event(call: Call, kind: str = "tool_called", **values: Any) -> CallEvent:
    """Return an event that is not saved."""
    return CallEvent(call=call, kind=kind, **values)


def write_history(call_id: uuid.UUID, attempt: int, turns: list[Turn], events: list[CallEvent]) -> bool:
    """Write what one call's attempt has to add. Returns whether it was written."""
    return bool(services.write_histories({(call_id, attempt): services.History(turns, events)}))


def make_departure(call: Call, outcome: str = "") -> WebhookEvent:
    """Store what LiveKit told when the caller left the room, and what came of it."""
    return WebhookEvent.objects.create(
        event_id=f"EV_{uuid.uuid4().hex[:12]}",
        kind="participant_left",
        room_name=call.room_name,
        participant=call.caller_identity,
        sent_at=timezone.now(),
        outcome=outcome,
    )


def make_user(username: str = "", *permissions: str, **values: Any) -> User:
    """Return a user who has the permissions, given as `calls.view_call`; no password unless given (hashing is slow)."""
    user = User.objects.create_user(username or f"user{next(_counter)}", **values)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def client_of(group: str = "", *, username: str = "", superuser: bool = False) -> Client:
    """Return a browser in which a member of the staff is logged in: of a group, or a superuser."""
    user = make_user(username, is_staff=True, is_superuser=superuser)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def new_room() -> str:
    """Return a room name as LiveKit's dispatch rule makes it."""
    return f"call-{uuid.uuid4().hex[:12]}"


def caller(called: str, number: str = "+12025550123", **values: Any) -> dict[str, Any]:
    """Return a phone caller as a webhook's participant, with the attributes that LiveKit's SIP service sets."""
    attributes = {
        "sip.phoneNumber": number,
        "sip.trunkPhoneNumber": called,
        "sip.callID": "SCL_kNaRzLxT4mpQ",
        "sip.callStatus": "active",
        "sip.twilio.callSid": "CA0123456789abcdef0123456789abcdef",
    }
    return {"sid": "PA_caller", "identity": f"sip_{number}", "kind": "SIP", "attributes": attributes, **values}


def webhook_event(
    kind: str, room: str = "", participant: dict[str, Any] | None = None, *, event_id: str = "", **values: Any
) -> dict[str, Any]:
    """Return an event as LiveKit sends it, before it is signed. Every call has a fresh id unless one is given."""
    event: dict[str, Any] = {
        "event": kind,
        "room": {"sid": "RM_test", "name": room or new_room()},
        "id": event_id or f"EV_{uuid.uuid4().hex[:12]}",
        "createdAt": str(int(timezone.now().timestamp())),
    }
    if participant is not None:
        event["participant"] = participant
    return {**event, **values}


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook on its way: body and Authorization header, to be posted once or many times."""

    body: bytes
    authorization: str
    content_type: str = "application/webhook+json"

    def post(self, client: Client | None = None) -> "_MonkeyPatchedWSGIResponse":
        """Send it, and return the answer; without a header when `authorization` is empty."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        return (client or Client()).post(WEBHOOK_PATH, self.body, content_type=self.content_type, headers=headers)


def signed(body: bytes | dict[str, Any], *, key: str = "", secret: str = "", ttl_s: float = 300) -> WebhookRequest:
    """Sign a body as LiveKit does: a JWT that holds the sha256 of the body, in base64."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    token = AccessToken(key or settings.LIVEKIT_API_KEY, secret or settings.LIVEKIT_API_SECRET)
    return WebhookRequest(raw, token.with_sha256(digest).with_ttl(timedelta(seconds=ttl_s)).to_jwt())


def webhook_request(
    kind: str, room: str = "", participant: dict[str, Any] | None = None, **values: Any
) -> WebhookRequest:
    """Return a signed webhook: `webhook_request("participant_joined", room, caller(called="+12025550100")).post()`."""
    return signed(webhook_event(kind, room, participant, **values))
