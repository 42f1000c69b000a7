"""A call center on an ordinary day, with something on every page."""

from dataclasses import dataclass
from datetime import date, time, timedelta

from django.utils import timezone

from agents import services
from agents.models import Persona
from calls.models import Call, CallEvent, Holiday, OpeningHours, PhoneNumber
from calls.states import EndReason, Status
from tests.factories import make_call, make_event, make_hours, make_number, make_persona, make_tool, make_turns

CALLER = "+12025550123"
UTTERANCES = (
    "Bright Smile dental practice, this is Anna speaking. How can I help you?",
    "Hello, I would like to book a check-up for next week, please.",
    "Of course. We are open from nine to five, Monday to Friday. Which day suits you?",
    "Tuesday at ten.",
    "Tuesday at ten is free. I have booked your check-up. Can I do anything else for you?",
    "No, thank you. Goodbye.",
    "Thank you for calling Bright Smile. Goodbye.",
)


@dataclass(frozen=True, slots=True)
class World:
    """What pages are opened for."""

    persona: Persona
    number: PhoneNumber
    hours: OpeningHours
    ended: Call
    live: Call
    waiting: Call


def make_world() -> World:
    """Make a persona with two versions and a draft, its number, and calls in every state."""
    persona = make_practice()
    hours = make_practice_hours()
    number = make_number("+12025550100", persona, label="Front desk", opening_hours=hours)
    ended = make_conversation(number)
    make_call(Status.FAILED, number, end_detail="llm: no answer within 20 s")
    make_call(Status.MISSED, number, caller_number="")
    make_call(Status.REJECTED, number)
    live = make_call(Status.IN_PROGRESS, number, caller_number="+12025550177")
    make_turns(live, *UTTERANCES[:3])
    waiting = make_call(Status.QUEUED, number, caller_number="+12025550188")
    return World(persona, number, hours, ended, live, waiting)


def make_practice() -> Persona:
    """Return a persona with a tool, two versions that differ, and a draft that differs from both."""
    persona = make_persona("Anna", description="Receptionist of a dental practice", published=False)
    make_tool(persona)
    services.publish(persona, note="First version")
    persona.prompt = "You answer the phone of a dental practice. Be brief and kind."
    persona.save()
    services.publish(persona, note="A dental practice")
    persona.refresh_from_db()
    persona.greeting = "Bright Smile dental practice. How can I help you?"
    persona.save()
    return persona


def make_practice_hours() -> OpeningHours:
    """Return opening hours with a break every day, and with holidays of both kinds."""
    intervals = [(day, *times) for day in range(5) for times in (("09:00", "12:30"), ("13:30", "17:00"))]
    hours = make_hours("Practice", *intervals, time_zone="America/New_York")
    Holiday.objects.create(hours=hours, name="Christmas", first_day=date(2026, 12, 25), last_day=date(2026, 12, 26))
    eve = date(2026, 12, 31)
    Holiday.objects.create(
        hours=hours, name="New Year's Eve", first_day=eve, last_day=eve, opens=time(9), closes=time(12)
    )
    return hours


def make_conversation(number: PhoneNumber) -> Call:
    """Return a call that was answered, with its turns and events."""
    now = timezone.now()
    begun = now - timedelta(seconds=62)
    call = make_call(Status.COMPLETED, number, caller_number=CALLER, answered_at=begun, claimed_at=begun)
    turns = make_turns(call, *UTTERANCES)
    turns[2].interrupted, turns[4].reply_ms, turns[4].llm_ms = True, 1720, 1290
    for turn in turns:
        turn.save()
    CallEvent.objects.bulk_create(
        [
            make_event(call, "queued", to_status=Status.QUEUED),
            make_event(call, "connecting", to_status=Status.CONNECTING, detail={"worker": "worker@practice:1"}),
            make_event(call, "in_progress", to_status=Status.IN_PROGRESS),
            make_event(call, "tool_called", detail={"name": "find_order", "ms": 180}),
            make_event(call, "completed", to_status=Status.COMPLETED, detail={"reason": EndReason.CALLER_LEFT}),
        ]
    )
    return call
