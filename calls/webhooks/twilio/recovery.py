"""What Twilio does with a caller whom LiveKit cannot take: the number's overflow action, as far as TwiML can do it."""

from collections.abc import Callable

import structlog
from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError
from twilio.twiml.voice_response import VoiceResponse

from agents.choices import Language
from calls import destinations
from calls.models import PhoneNumber
from calls.models.phone_number import Overflow
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
        number = PhoneNumber.objects.select_related("persona__live_version").filter(e164=e164).first()
    except (DatabaseError, InterfaceError) as error:
        log.warning("twilio_recovery_without_database", error=type(error).__name__)
        return say(SORRY)
    if number is None or not number.is_active:
        return say(SORRY)
    return RECOVERIES[Overflow(number.overflow)](number)


def say(text: str, locale: str = "") -> str:
    """The TwiML that says a text and hangs up; in Twilio's default language without a locale."""
    answer = VoiceResponse()
    answer.say(text, **({"language": locale} if locale else {}))
    answer.hangup()
    return str(answer)


def _message(number: PhoneNumber) -> str:
    version = number.persona.live_version
    return say(number.overflow_message, LOCALES[Language(version.language)] if version else "")


def _transfer(number: PhoneNumber) -> str:
    try:
        destinations.check(number.overflow_number)
    except ValidationError as error:  # the settings have changed since it was saved
        log.warning("twilio_recovery_number_refused", number=masked(number.overflow_number), error=error.messages)
        return _message(number)
    answer = VoiceResponse()
    answer.dial(number.overflow_number, answer_on_bridge=True)
    return str(answer)


RECOVERIES: dict[Overflow, Callable[[PhoneNumber], str]] = {
    Overflow.MESSAGE: _message,
    Overflow.PERSONA: _message,  # another persona, too, answers through LiveKit
    Overflow.TRANSFER: _transfer,
}
