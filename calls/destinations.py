"""Which numbers may be dialed: outbound calls, transfers and, in future, campaigns all ask here.

Fraud on telephone systems dials expensive numbers, thousands of times. So a number is refused when it

1. begins with one of OUTBOUND_DENIED_PREFIXES, or is one of our own, from which the call would come back;
2. is premium-rate, shared-cost, a pager, a personal or a universal access number, or a satellite or other service
   without a country, by the numbering plans of the package phonenumbers;
3. is of no country in OUTBOUND_COUNTRIES: `*` is any, and an empty list those of the center's own numbers.

OUTBOUND_ALLOWED_PREFIXES makes exceptions from 2 and 3, never from 1.
"""

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError

ANY_COUNTRY = "*"
_NO_COUNTRY = "001"  # the plans' "region" of satellites, international networks, freephone and premium rate


class NotAllowed(ValidationError):
    """The number may not be dialed; the message says why, and which setting decides it."""


def check(e164: str, *, ours: str = "") -> None:
    """Raise NotAllowed unless this number may be dialed. `ours` is a number of ours that is not saved yet.

    A number in any form but E.164's own is refused, too: a zero too many would hide which prefix it begins with.
    """
    if _is_disguised(e164):
        raise NotAllowed("Write the number as E.164, without a zero after the country code: +12025550100.")
    for prefix in settings.OUTBOUND_DENIED_PREFIXES:
        if e164.startswith(prefix):
            raise NotAllowed(f"Numbers that begin with {prefix} must not be dialed (OUTBOUND_DENIED_PREFIXES).")
    is_exception = e164.startswith(tuple(settings.OUTBOUND_ALLOWED_PREFIXES))
    region = "" if is_exception else _region_or_refuse(e164)
    own = _own_numbers()
    if e164 in own:
        raise NotAllowed("This is one of our own numbers: the call would come back. Choose another one.")
    if is_exception:
        return
    kind = _refused_kind(e164, region)
    if kind:
        raise NotAllowed(f"This is {kind}: such numbers are dialed only if OUTBOUND_ALLOWED_PREFIXES names them.")
    countries = _countries([*own, *([ours] if ours else [])])
    if ANY_COUNTRY not in countries and region not in countries:
        allowed = ", ".join(sorted(countries))
        raise NotAllowed(f"Numbers in {region} cannot be dialed: only those in {allowed} (OUTBOUND_COUNTRIES).")


def _region_or_refuse(e164: str) -> str:
    try:
        return _region(e164)
    except ValueError as error:
        raise NotAllowed("Write the number with its country code: for example +1 202 555 0100.") from error


def opened_by(e164: str) -> str:
    """The country that may be dialed once this is a number of ours, and may not yet; empty when there is none."""
    own = _own_numbers()
    if settings.OUTBOUND_COUNTRIES or not own:
        return ""
    return next(iter(_regions([e164]) - _regions(own)), "")


def _is_disguised(text: str) -> bool:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return False  # but invalid, which is for the others to say
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) != text


def _countries(own: list[str]) -> set[str]:
    """ISO codes; ANY_COUNTRY also when there is no own number: nothing can be dialed then, whatever is allowed."""
    if settings.OUTBOUND_COUNTRIES:
        return set(settings.OUTBOUND_COUNTRIES)
    return _regions(own) if own else {ANY_COUNTRY}


def _regions(numbers: list[str]) -> set[str]:
    return {_region(e164) for e164 in numbers} - {_NO_COUNTRY}


def _own_numbers() -> list[str]:
    numbers = apps.get_model("calls", "PhoneNumber").objects  # not imported: the model itself asks here
    return list(numbers.values_list("e164", flat=True))


def _region(e164: str) -> str:
    """The number's ISO code, also where several countries share a calling code; else that code's main country.

    Raises ValueError for an invalid number.
    """
    import phonenumbers  # here, because workers never need its 4 MB of numbering plans

    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException as error:
        raise ValueError(str(error)) from error
    main = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return str(phonenumbers.region_code_for_number(number) or main)


def _refused_kind(e164: str, region: str) -> str:
    """What a number is that is refused for its kind; empty for an ordinary one."""
    import phonenumbers
    from phonenumbers import PhoneNumberType

    number = phonenumbers.parse(e164, None)
    if region in (_NO_COUNTRY, phonenumbers.UNKNOWN_REGION):
        return "a satellite number or another number without a country"
    if not phonenumbers.is_valid_number(number):
        return f"a number outside the numbering plan of {region}"
    kinds = {
        PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
        PhoneNumberType.SHARED_COST: "a shared-cost number",
        PhoneNumberType.PAGER: "a pager",
        PhoneNumberType.PERSONAL_NUMBER: "a personal number, which costs more",
        PhoneNumberType.UAN: "a universal access number",
        PhoneNumberType.VOICEMAIL: "a voicemail access number",
    }
    return kinds.get(phonenumbers.number_type(number), "")
