"""Phone numbers in E.164, the only form in which they are stored."""

from django.core.exceptions import ValidationError


def to_e164(text: str) -> str:
    """Return the number as E.164 (`+12025550100`). Raises ValidationError unless it is a full international number."""
    import phonenumbers  # here, because workers never need its 4 MB of numbering plans

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        raise ValidationError("Write the number with its country code: for example +1 202 555 0100.") from error
    if not phonenumbers.is_possible_number(number):
        raise ValidationError("This number is too short or too long for its country.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked(e164: str) -> str:
    """Return the number with all but its first and last digits hidden, for logs."""
    return f"{e164[:3]}…{e164[-2:]}" if len(e164) > 6 else "…"
