"""A number that callers dial."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from agents.models import Persona
from calls import destinations
from calls.models.opening_hours import OpeningHours
from calls.phone import to_e164


class Overflow(models.TextChoices):
    """What happens to a caller whom no agent has answered in time. To add a choice: docs/ADD_AN_OVERFLOW_ACTION.md."""

    MESSAGE = "message", "Message and goodbye"
    PERSONA = "persona", "Another persona"
    TRANSFER = "transfer", "Transfer to another number"


class AfterHours(models.TextChoices):
    """What happens to a caller while the number is closed by its opening hours."""

    MESSAGE = "message", "Message and goodbye"
    PERSONA = "persona", "Another persona answers"
    TRANSFER = "transfer", "Transfer to another number"


class PhoneNumber(models.Model):
    """Which persona answers a number, its limit of concurrent calls, its overflow action, and when it is open."""

    e164 = models.CharField(
        "number", max_length=32, unique=True, help_text="With country code, for example +1 202 555 0100."
    )
    label = models.CharField(max_length=100, blank=True, help_text="For your own reference, for example Front desk.")
    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="numbers")
    is_active = models.BooleanField("active", default=True, help_text="Calls to an inactive number are rejected.")
    max_calls = models.PositiveIntegerField(
        "concurrent calls",
        default=10,
        validators=[MinValueValidator(1, "At least 1; make the number inactive to take no calls.")],
        help_text="Further callers hear ringing until a call ends.",
    )
    ring_time_s = models.PositiveSmallIntegerField(
        "ring time, in seconds",
        default=30,
        validators=[
            MinValueValidator(5, "At least 5 seconds: an agent needs a moment to answer."),
            MaxValueValidator(120, "At most 120 seconds: telephone networks give up soon after."),
        ],
        help_text="How long the phone rings while no agent is free. Between 5 and 120 seconds.",
    )
    overflow = models.CharField(
        "after the ring time",
        max_length=10,
        choices=Overflow,
        default=Overflow.MESSAGE,
        help_text="If another choice fails, the caller hears the message.",
    )
    overflow_message = models.CharField(
        "message",
        max_length=250,
        default="All our lines are busy at the moment. Please call again a little later. Goodbye.",
        help_text="Spoken in the persona's voice before the call ends. 15 seconds at most.",
    )
    overflow_persona = models.ForeignKey(
        Persona,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="overflow_numbers",
        verbose_name="other persona",
        help_text="Answers beyond the number's own limit if a slot becomes free within a second ring time.",
    )
    overflow_number = models.CharField(
        "other number",
        max_length=32,
        blank=True,
        help_text="Where the call is transferred. With country code, for example +1 202 555 0199.",
    )
    opening_hours = models.ForeignKey(
        OpeningHours,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="numbers",
        help_text="Empty: always open.",
    )
    after_hours = models.CharField(
        "when closed",
        max_length=10,
        choices=AfterHours,
        default=AfterHours.MESSAGE,
        help_text="To take messages, choose another persona whose prompt says so.",
    )
    after_hours_message = models.CharField(
        "message when closed",
        max_length=250,
        default="We are closed at the moment. Please call again during our opening hours. Goodbye.",
        help_text="Spoken in the persona's voice before the call ends, also if another choice fails. "
        "15 seconds at most.",
    )
    after_hours_persona = models.ForeignKey(
        Persona,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="after_hours_numbers",
        verbose_name="persona when closed",
        help_text="Answers in place of the number's own persona.",
    )
    after_hours_number = models.CharField(
        "number when closed",
        max_length=32,
        blank=True,
        help_text="Where the call is transferred. With country code, for example +1 202 555 0199.",
    )
    kept_days = models.PositiveSmallIntegerField(
        "retention, in days",
        null=True,
        blank=True,
        validators=[MinValueValidator(1, "At least 1 day. Leave it empty to use CALLS_KEPT_DAYS.")],
        help_text="After this time, callers' numbers and transcripts are deleted; times and figures stay. "
        "Empty: CALLS_KEPT_DAYS from the settings.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["e164"]
        verbose_name = "phone number"

    def __str__(self) -> str:
        return f"{self.e164} {self.label}".strip()

    def is_open(self, at: datetime) -> bool:
        """By its opening hours. One query if it has any."""
        return self.opening_hours is None or self.opening_hours.timetable.is_open(at)

    def clean(self) -> None:
        super().clean()
        self.e164 = _e164("e164", self.e164)
        for name in ("overflow_number", "after_hours_number"):
            if getattr(self, name):
                setattr(self, name, _e164(name, getattr(self, name)))
        if self.overflow == Overflow.PERSONA:
            self._check_persona("overflow_persona", "after the ring time")
        if self.overflow == Overflow.TRANSFER:
            self._check_number("overflow_number")
        if self.after_hours == AfterHours.PERSONA:
            self._check_persona("after_hours_persona", "when the number is closed")
        if self.after_hours == AfterHours.TRANSFER:
            self._check_number("after_hours_number")

    def _check_persona(self, field: str, when: str) -> None:
        other: Persona | None = getattr(self, field)
        if other is None:
            problem = f"Choose the persona that answers {when}, or another action."
        elif other.pk == self.persona_id:
            problem = "Choose a different persona from the one that answers this number."
        elif other.live_version_id is None:
            problem = f"Publish {other.name} first: a persona without a published version cannot answer."
        else:
            return
        raise ValidationError({field: problem})

    def _check_number(self, field: str) -> None:
        e164: str = getattr(self, field)
        if not e164:
            problem = "Write the number to transfer to, or choose another action."
        elif e164 == self.e164:
            problem = "Choose a different number: with this one, the call would come back."
        else:
            try:
                destinations.check(e164, ours=self.e164)
            except destinations.NotAllowed as error:
                raise ValidationError({field: error.messages}) from error
            return
        raise ValidationError({field: problem})


def _e164(field: str, text: str) -> str:
    try:
        return to_e164(text)
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error
