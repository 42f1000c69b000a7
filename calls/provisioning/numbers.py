"""Which numbers are set up: those that are named, otherwise every active one."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from calls.models import PhoneNumber
from calls.phone import to_e164
from calls.provisioning.changes import CannotProvision


def chosen(named: Sequence[str] | None) -> list[str]:
    """Return the numbers as E.164, sorted. Raises CannotProvision for an invalid number."""
    if not named:
        return list(PhoneNumber.objects.filter(is_active=True).order_by("e164").values_list("e164", flat=True))
    try:
        return sorted(to_e164(number) for number in named)
    except ValidationError as error:
        raise CannotProvision(f"--number: {' '.join(error.messages)}") from error
