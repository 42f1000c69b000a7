"""Phone numbers in E.164, the only form in which they are stored."""

import re

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


_NUMBER = re.compile(r"(?:\+|(?<=_))\d{7,15}")  # as LiveKit writes them: call-_+12025550123_x7Rq, sip_+12025550123


def mask_numbers(text: str) -> str:
    """Return the text with every telephone number in it masked: a room's or a participant's name has one in it."""
    return _NUMBER.sub(lambda found: masked(found.group()), text)


def masked(e164: str) -> str:
    """Return the number with all but its first and last digits hidden, for logs."""
    return f"{e164[:3]}…{e164[-2:]}" if len(e164) > 6 else "…"
