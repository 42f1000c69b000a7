"""Twilio's side of a call: what Twilio is to do with a caller, and the status of a call.

Numbers whose voice URL is ours, and trunks whose origination failed, ask here. The caller is put through to LiveKit's
SIP service. If that fails, Twilio asks again, and the caller is transferred or hears a message.
https://www.twilio.com/docs/voice/twiml, https://www.twilio.com/docs/usage/security
"""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Dial, VoiceResponse

from calls.models import Call, CallEvent, WebhookEvent
from calls.phone import masked, to_e164
from calls.webhooks.livekit.signature import BadBody, BadSignature
from calls.webhooks.twilio import recovery

log = structlog.get_logger(__name__)

VOICE_PATH = "/webhooks/twilio/voice"
RINGS_S = 300  # longer than a number rings, twice: the product overflows before Twilio gives up
STATUSES = frozenset({"queued", "initiated", "ringing", "in-progress", "answered", "completed"})
TROUBLE = frozenset({"busy", "failed", "no-answer", "canceled"})
PUT_THROUGH = frozenset({"completed", "answered"})
_SID = re.compile(r"CA[0-9a-f]{32}")
_SIP_USER = re.compile(r"sips?:([^@;]+)@")
_RECENT = timedelta(days=1)  # Twilio's longest call; there is no index for its ids
_EVENTS = uuid.UUID("b0f2c9a4-7f0b-4d0e-9a55-6f3f4f6c2c1d")  # names the events' keys, so that a repetition adds none


def verify(path: str, parameters: QueryDict, signature: str) -> None:
    """Raise BadSignature unless Twilio signed this request to `path` (with its query) under PUBLIC_BASE_URL."""
    if not settings.TWILIO_AUTH_TOKEN:
        raise BadSignature("TWILIO_AUTH_TOKEN is not set: nothing that Twilio sends can be verified")
    url = settings.PUBLIC_BASE_URL + path
    if not signature or not RequestValidator(settings.TWILIO_AUTH_TOKEN).validate(url, parameters, signature):
        raise BadSignature("X-Twilio-Signature: no match: check TWILIO_AUTH_TOKEN and PUBLIC_BASE_URL")


def voice_answer(parameters: Mapping[str, str]) -> str:
    """The TwiML for a caller, or for a caller whom LiveKit has just not taken. Raises BadBody.

    Asks the database only in the second case, and does without it when it is unavailable.
    """
    _call_sid(parameters)
    dialed = parameters.get("DialCallStatus")
    if dialed in PUT_THROUGH:
        return _hang_up()
    number = _called(parameters.get("To", ""))
    if number is None:
        log.warning("twilio_number_not_read")
        return recovery.say(recovery.SORRY)
    if dialed is not None:
        log.warning("twilio_not_put_through", status=dialed[:20], number=masked(number))
        return recovery.recovery(number)
    if not settings.LIVEKIT_SIP_URI:
        log.error("livekit_sip_uri_not_set")
        return recovery.recovery(number)
    return _put_through(number)


def _put_through(number: str) -> str:
    """Ring at LiveKit's SIP service. The caller hears ringing until an agent answers; then Twilio asks again."""
    answer = VoiceResponse()
    # The address to ask again is absolute: Twilio signs what it asked for, and that must be what we know it as.
    action = settings.PUBLIC_BASE_URL + VOICE_PATH
    dial = Dial(answer_on_bridge=True, timeout=RINGS_S, action=action, method="POST")
    dial.sip(sip_address(number))
    answer.append(dial)
    return str(answer)


def sip_address(number: str) -> str:
    """LIVEKIT_SIP_URI with the called number (E.164) as its user: `sip:+12025550100@sip.example.com`."""
    scheme, _, rest = settings.LIVEKIT_SIP_URI.partition(":")
    return f"{scheme}:{number}@{rest.rpartition('@')[2]}"


def _hang_up() -> str:
    answer = VoiceResponse()
    answer.hangup()
    return str(answer)


def _called(to: str) -> str | None:
    """The called number in E.164, also out of a SIP address; None when there is none."""
    in_address = _SIP_USER.match(to)
    try:
        return to_e164(in_address.group(1) if in_address else to)
    except ValidationError:
        return None


def note_status(parameters: Mapping[str, str]) -> str:
    """Store a call status from Twilio, once; returns the outcome. Raises BadBody.

    What ends a call of ours LiveKit tells. Trouble is also written to the call it is about, if it reached LiveKit.
    """
    sid, status = _call_sid(parameters), parameters.get("CallStatus", "")
    if status not in STATUSES | TROUBLE:
        raise BadBody("CallStatus: this is not a Twilio status")
    with transaction.atomic():
        event, is_new = WebhookEvent.objects.get_or_create(
            event_id=f"{sid}:{status}",
            defaults={"kind": f"twilio.{status}", "sent_at": _sent_at(parameters), "outcome": "noted"},
        )
        if not is_new:
            return "duplicate"
        if status in TROUBLE:
            event.outcome = _note_trouble(sid, status, parameters)
            event.save(update_fields=["outcome"])
        return event.outcome


def _note_trouble(sid: str, status: str, parameters: Mapping[str, str]) -> str:
    log.warning("twilio_call_in_trouble", sid=sid, status=status)
    sids = Q(twilio_call_sid__in=[sid, parameters.get("ParentCallSid") or sid])
    call = Call.objects.filter(sids, created_at__gt=timezone.now() - _RECENT).first()
    if call is None:
        return "reached no call"
    told = {"status": status, "sip": parameters.get("SipResponseCode", ""), "error": parameters.get("ErrorCode", "")}
    detail = {name: value[:40] for name, value in told.items() if value}
    key = uuid.uuid5(_EVENTS, f"{sid}:{status}")
    CallEvent.objects.get_or_create(key=key, defaults={"call": call, "kind": "twilio_trouble", "detail": detail})
    return "noted with its call"


def _call_sid(parameters: Mapping[str, str]) -> str:
    sid = parameters.get("CallSid", "")
    if not _SID.fullmatch(sid):
        raise BadBody("CallSid: this is not the ID of a Twilio call")
    return sid


def _sent_at(parameters: Mapping[str, str]) -> datetime:
    """Twilio's own time, which only status callbacks have, or now."""
    try:
        told = parsedate_to_datetime(parameters.get("Timestamp", ""))
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return timezone.now()
