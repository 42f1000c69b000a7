"""One row of everything that a page or an answer could give away, with words that are easy to find again."""

from dataclasses import dataclass
from datetime import timedelta

from auditlog.models import LogEntry
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.models import Group
from django.db.models import Model
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_otp.plugins.otp_totp.models import TOTPDevice

from access.models import ApiToken
from agents import services
from agents.models import SpokenLine, ToolSecret
from agents.tools import tool_secrets
from calls.models import DeadLetter, WebhookEvent
from calls.models.dead_letter import Cause
from calls.privacy import erasure
from calls.states import Status
from tests.factories import (
    make_call,
    make_event,
    make_hours,
    make_number,
    make_persona,
    make_tool,
    make_turns,
    make_user,
)

CALLER = "+12025550123"
WORDS = "my card number is four two four two"
TOOL_SECRET = "sk-orders-8f2b61c09d"  # noqa: S105


@dataclass(frozen=True, slots=True)
class World:
    """The rows by `app.model`, and a token's text."""

    rows: dict[str, Model]
    token: str


def make_secret(name: str = "order_service", host: str = "orders.example.com", text: str = TOOL_SECRET) -> ToolSecret:
    """Return a tool's secret, saved."""
    secret = ToolSecret(name=name, host=host)
    tool_secrets.keep(secret, text)
    secret.save()
    return secret


def make_world() -> World:
    """Make it, and return it."""
    secret = make_secret()
    persona = make_persona(published=False)
    tool = make_tool(persona, url="https://orders.example.com/find", secret=secret)
    services.publish(persona)
    persona.refresh_from_db()
    hours = make_hours("Practice", (0, "09:00", "17:00"))
    number = make_number(persona=persona, opening_hours=hours)
    room = f"call-_{CALLER}_x7Rq"
    call = make_call(Status.COMPLETED, number, caller_number=CALLER, caller_identity=f"sip_{CALLER}", room_name=room)
    turns = make_turns(call, "Hello.", WORDS)
    make_event(call).save()
    owner = make_user("owner", is_staff=True, is_superuser=True)
    token, text = ApiToken.objects.create(user=owner, name="Reporting", expiry=timedelta(days=1))
    schedule = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    attempt = {"username": "owner", "ip_address": "192.0.2.1", "user_agent": "curl", "path_info": "/admin/login/"}
    rows: list[Model] = [
        *(secret, persona, tool, hours, number, call, turns[1], owner, token, schedule),
        *persona.versions.all(),
        Group.objects.get(name="Viewers"),
        DeadLetter.objects.create(digest="1", call=call, cause=Cause.REFUSED, body="[]"),
        WebhookEvent.objects.create(event_id="EV_1", kind="room_started", room_name=room, sent_at=timezone.now()),
        SpokenLine.objects.create(
            model="m", voice_id="v", language="en-US", provider="elevenlabs", text="Hello", pcm=b"", words=[]
        ),
        TOTPDevice.objects.create(user=owner, name="Authenticator"),
        PeriodicTask.objects.create(name="mine", task="calls.sweep", interval=schedule),
        AccessAttempt.objects.create(**attempt, get_data="", post_data="", failures_since_start=1),
        AccessLog.objects.create(**attempt),
        AccessFailureLog.objects.create(**attempt),
        erasure.erase_number("+12025550987", "owner"),
    ]
    rows.append(LogEntry.objects.latest("timestamp"))
    return World({row._meta.label_lower: row for row in rows}, text)
