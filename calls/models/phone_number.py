"""A number that callers dial."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from agents.models import Persona
from calls import destinations
from calls.phone import to_e164


class Overflow(models.TextChoices):
    """What happens to a caller whom no agent has answered in time. To add a choice: docs/ADD_AN_OVERFLOW_ACTION.md."""

    MESSAGE = "message", "Message and goodbye"
    PERSONA = "persona", "Another persona"
    TRANSFER = "transfer", "Transfer to another number"


class PhoneNumber(models.Model):
    """Which persona answers a number, its limit of concurrent calls, and its overflow action."""

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

    def clean(self) -> None:
        super().clean()
        self.e164 = _e164("e164", self.e164)
        if self.overflow_number:
            self.overflow_number = _e164("overflow_number", self.overflow_number)
        if self.overflow == Overflow.PERSONA:
            self._check_overflow_persona()
        if self.overflow == Overflow.TRANSFER:
            self._check_overflow_number()

    def _check_overflow_persona(self) -> None:
        other = self.overflow_persona
        if other is None:
            problem = "Choose the persona that answers after the ring time, or another action."
        elif other.pk == self.persona_id:
            problem = "Choose a different persona from the one that answers this number."
        elif other.live_version_id is None:
            problem = f"Publish {other.name} first: a persona without a published version cannot answer."
        else:
            return
        raise ValidationError({"overflow_persona": problem})

    def _check_overflow_number(self) -> None:
        if not self.overflow_number:
            problem = "Write the number to transfer to, or choose another action."
        elif self.overflow_number == self.e164:
            problem = "Choose a different number: with this one, the call would come back."
        else:
            try:
                destinations.check(self.overflow_number, ours=self.e164)
            except destinations.NotAllowed as error:
                raise ValidationError({"overflow_number": error.messages}) from error
            return
        raise ValidationError({"overflow_number": problem})


def _e164(field: str, text: str) -> str:
    try:
        return to_e164(text)
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error
