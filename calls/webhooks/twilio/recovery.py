"""What Twilio does with a caller whom LiveKit cannot take: the number's overflow action, or the one for when it is
closed, as far as TwiML can do it.
"""

from collections.abc import Callable

import structlog
from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from agents.choices import Language
from calls import destinations
from calls.models import PhoneNumber
from calls.models.phone_number import AfterHours, Overflow
from calls.phone import masked

log = structlog.get_logger(__name__)

SORRY = "We are sorry. Your call cannot be connected at the moment. Please call again a little later. Goodbye."
LOCALES: dict[Language, str] = {
    Language.ENGLISH_US: "en-US",
    Language.ENGLISH_GB: "en-GB",
    Language.SPANISH: "es-ES",
    Language.FRENCH: "fr-FR",
    Language.GERMAN: "de-DE",
    Language.ITALIAN: "it-IT",
    Language.PORTUGUESE: "pt-BR",
    Language.DUTCH: "nl-NL",
}
"""Twilio's voices have locales, and most of them no bare language: twilio.com/docs/voice/twiml/say/text-speech."""


def recovery(e164: str) -> str:
    """The TwiML: the number's transfer, or its message."""
    try:
        numbers = PhoneNumber.objects.select_related("persona__live_version", "opening_hours")
        number = numbers.filter(e164=e164).first()
        is_open = number is None or number.is_open(timezone.now())
    except (DatabaseError, InterfaceError) as error:
        log.warning("twilio_recovery_without_database", error=type(error).__name__)
        return say(SORRY)
    if number is None or not number.is_active:
        return say(SORRY)
    if is_open:
        return RECOVERIES[Overflow(number.overflow)](number)
    return RECOVERIES_AFTER_HOURS[AfterHours(number.after_hours)](number)


def say(text: str, locale: str = "") -> str:
    """The TwiML that says a text and hangs up; in Twilio's default language without a locale."""
    answer = VoiceResponse()
    answer.say(text, **({"language": locale} if locale else {}))
    answer.hangup()
    return str(answer)


def _message(number: PhoneNumber) -> str:
    return _say(number, number.overflow_message)


def _transfer(number: PhoneNumber) -> str:
    return _dial(number.overflow_number) or _message(number)


def _message_after_hours(number: PhoneNumber) -> str:
    return _say(number, number.after_hours_message)


def _transfer_after_hours(number: PhoneNumber) -> str:
    return _dial(number.after_hours_number) or _message_after_hours(number)


def _say(number: PhoneNumber, text: str) -> str:
    version = number.persona.live_version
    return say(text, LOCALES[Language(version.language)] if version else "")


def _dial(to: str) -> str:
    """The TwiML of a transfer; empty when the number may not be dialed."""
    try:
        destinations.check(to)
    except ValidationError as error:  # the settings have changed since it was saved
        log.warning("twilio_recovery_number_refused", number=masked(to), error=error.messages)
        return ""
    answer = VoiceResponse()
    answer.dial(to, answer_on_bridge=True)
    return str(answer)


RECOVERIES: dict[Overflow, Callable[[PhoneNumber], str]] = {
    Overflow.MESSAGE: _message,
    Overflow.PERSONA: _message,  # another persona, too, answers through LiveKit
    Overflow.TRANSFER: _transfer,
}
RECOVERIES_AFTER_HOURS: dict[AfterHours, Callable[[PhoneNumber], str]] = {
    AfterHours.MESSAGE: _message_after_hours,
    AfterHours.PERSONA: _message_after_hours,
    AfterHours.TRANSFER: _transfer_after_hours,
}
