"""A number that callers dial."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from agents.models import Persona
from calls.phone import to_e164
from calls.states import LIVE


class PhoneNumber(models.Model):
    """Which persona answers a number, and how many calls it may have at once."""

    e164 = models.CharField(
        "number", max_length=32, unique=True, help_text="With country code, for example +1 202 555 0100."
    )
    label = models.CharField(max_length=100, blank=True, help_text="For people: for example Front desk.")
    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="numbers")
    is_active = models.BooleanField("active", default=True, help_text="Calls to an inactive number are rejected.")
    max_calls = models.PositiveIntegerField(
        "calls at once",
        default=10,
        validators=[MinValueValidator(1, "At least 1; make the number inactive to take no calls.")],
        help_text="A call more than this is rejected.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["e164"]
        verbose_name = "phone number"

    def __str__(self) -> str:
        return f"{self.e164} {self.label}".strip()

    def clean(self) -> None:
        super().clean()
        try:
            self.e164 = to_e164(self.e164)
        except ValidationError as error:
            raise ValidationError({"e164": error.messages}) from error

    def live_calls(self) -> int:
        """How many calls this number has now, waiting ones included."""
        return self.calls.filter(status__in=LIVE).count()
