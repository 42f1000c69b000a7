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


def as_told(text: str, called: str) -> str:
    """Return a caller's number as E.164 where it can be only one; else the text (`anonymous`, an extension).

    Trunks tell it as one dials it in the country of the called number, too: `030 …` or `0049 …` for +49 30 ….
    """
    try:
        return to_e164(text)
    except ValidationError:
        readings = {_valid(text, _region(called)), _valid(f"+{text}", None)} - {""}
        return readings.pop() if len(readings) == 1 else text


def _region(e164: str) -> str | None:
    """The number's country as an ISO code; None for an invalid number."""
    import phonenumbers

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return None


def _valid(text: str, region: str | None) -> str:
    """The number in E.164, as one dials it in this country; empty when no plan has such a number."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def national_forms(e164: str) -> tuple[str, list[str]]:
    """Return a number's country code, as `+49`, and how trunks of that country tell the number."""
    import phonenumbers

    number = phonenumbers.parse(e164, None)
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    national = phonenumbers.national_significant_number(number)
    prefix = phonenumbers.ndd_prefix_for_region(region, True) or ""
    return f"+{number.country_code}", list(dict.fromkeys([national, prefix + national]))


_NUMBER = re.compile(r"(?:\+|(?<=_))\d{7,15}")  # as LiveKit writes them: call-_+12025550123_x7Rq, sip_+12025550123


def mask_numbers(text: str) -> str:
    """Return the text with every telephone number in it masked: a room's or a participant's name has one in it."""
    return _NUMBER.sub(lambda found: masked(found.group()), text)


def masked(e164: str) -> str:
    """Return the number with all but its first and last digits hidden, for logs."""
    return f"{e164[:3]}…{e164[-2:]}" if len(e164) > 6 else "…"
