"""Prepares the first personas, their number, opening hours and the first login. Existing ones are left unchanged."""

from datetime import time
from typing import Any

import environ
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from agents import services
from agents.models import Persona
from calls.models import OpeningHours, OpeningInterval, PhoneNumber
from calls.models.phone_number import AfterHours

NUMBER = "+12025550100"
PERSONA = "Anna"
TAKES_MESSAGES = "Nora"
HOURS = "Practice"
# ElevenLabs' "Sarah", one of the voices that every account has.
VOICE_ID = "EXAVITQu4vr4xnSDxMaL"
PROMPT = """\
You are Anna, the receptionist of the dental practice Bright Smile. You speak on the telephone: answer in one or two \
short sentences, in plain words, without lists or special characters.

What you know:
- The opening hours are nine to five, Monday to Friday.
- Appointments are for check-ups, cleanings and fillings. A check-up costs sixty dollars and includes the X-ray.
- A cleaning costs ninety dollars and takes forty minutes.
- On Wednesdays a surgeon is at the practice for wisdom teeth and implants.
- The dentist is Doctor Maria Keller.
- The address of the practice is twelve Harbor Street, next to the public library.
- Parking behind the building is free for patients.
- The practice takes credit cards and cash, and most insurance plans.
- An appointment can be moved or canceled free of charge until the day before.

What you do:
- To book an appointment, ask for the treatment, then for the day and time, and repeat them once.
- In an emergency, such as strong pain or bleeding, tell the caller to come at once.
- You give no medical advice. What you do not know, a colleague will call back about.
- When the caller says goodbye, say goodbye and end the call with end_call.
"""
MESSAGE_PROMPT = """\
You are Nora, and you take messages for the dental practice Bright Smile while it is closed. You speak on the \
telephone: answer in one or two short sentences, in plain words, without lists or special characters.

What you do:
- Ask for the caller's name, then for a number to call back, then for the message, one after the other.
- Repeat the name, the number and the message once, and ask whether they are right.
- Then say that a colleague will call back when the practice is open, from nine to five, Monday to Friday.
- In an emergency, such as strong pain or bleeding, tell the caller to go to the nearest hospital at once.
- You book no appointments, and you give no advice: what you do not know belongs into the message.
- When the caller says goodbye, say goodbye and end the call with end_call.
"""


class Command(BaseCommand):
    help = (
        "Prepares the demo: persona Anna, Nora who takes messages, the number +1 202 555 0100, opening hours that it "
        "may be given, and the login from ADMIN_USERNAME and _PASSWORD."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = self._superuser()
        persona = self._persona(
            PERSONA,
            description="Receptionist of a dental practice",
            prompt=PROMPT,
            greeting="Bright Smile dental practice, this is Anna speaking. How can I help you?",
        )
        takes_messages = self._persona(
            TAKES_MESSAGES,
            description="Takes messages while the practice is closed",
            prompt=MESSAGE_PROMPT,
            greeting="Bright Smile dental practice. We are closed at the moment. May I take a message?",
        )
        self._opening_hours()
        self._number(persona, takes_messages)
        self.stdout.write(f"Log in as {user} with the password in ADMIN_PASSWORD.")

    def _superuser(self) -> str:
        env = environ.Env()
        name: str = env.str("ADMIN_USERNAME", default="admin")
        model = get_user_model()
        if model.objects.filter(username=name).exists():
            self._say(f"user {name}", made=False)
            return name
        password: str = env.str("ADMIN_PASSWORD", default="")
        if not password:
            raise CommandError(f"ADMIN_PASSWORD is empty: set it in .env, so that {name} can log in.")
        model.objects.create_superuser(username=name, email="", password=password)
        self._say(f"user {name}", made=True)
        return name

    def _persona(self, name: str, **values: str) -> Persona:
        own = {"goodbye": "Thank you for calling Bright Smile. Goodbye.", "voice_id": VOICE_ID}
        persona, made = Persona.objects.get_or_create(name=name, defaults={**own, **values})
        if made:
            services.publish(persona, note="First version")
        self._say(f"persona {name}", made=made)
        return persona

    def _opening_hours(self) -> None:
        """For somebody to choose: with them, the demo's number would be closed at night."""
        hours, made = OpeningHours.objects.get_or_create(name=HOURS)
        if made:
            OpeningInterval.objects.bulk_create(
                OpeningInterval(hours=hours, weekday=day, opens=time(9), closes=time(17)) for day in range(5)
            )
        self._say(f"opening hours {HOURS}", made=made)

    def _number(self, persona: Persona, takes_messages: Persona) -> None:
        values = {"after_hours": AfterHours.PERSONA, "after_hours_persona": takes_messages}
        _, made = PhoneNumber.objects.get_or_create(
            e164=NUMBER, defaults={"label": "Front desk", "persona": persona, **values}
        )
        self._say(f"number {NUMBER}", made=made)

    def _say(self, what: str, *, made: bool) -> None:
        self.stdout.write(f"{what}: {'made' if made else 'already exists, left unchanged'}")
