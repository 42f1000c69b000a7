"""Which of a room's participants is a caller, and what LiveKit reports about one."""

from django.core.exceptions import ValidationError
from livekit.api import ParticipantInfo

from calls.lifecycle.services import IncomingCall
from calls.livekit import browser, sip_headers
from calls.phone import as_told, to_e164
from common.json_values import storable_text


def is_caller(participant: ParticipantInfo) -> bool:
    """A phone caller, of kind SIP, or with the attributes that LiveKit's SIP service sets; or one in a browser."""
    from_telephone = participant.kind == ParticipantInfo.Kind.SIP or "sip.trunkPhoneNumber" in participant.attributes
    return from_telephone or browser.is_browser(participant)


def incoming_call(room_name: str, caller: ParticipantInfo) -> IncomingCall:
    """What the attributes say about a caller: LiveKit's SIP service sets them, or the token of a browser."""
    attributes = caller.attributes
    if browser.is_browser(caller):
        return _from_browser(room_name, caller)
    called = _number(sip_headers.called_number(attributes))
    return IncomingCall(
        room_name=room_name,
        caller_identity=caller.identity,
        caller_number=as_told(sip_headers.caller_number(attributes), called)[:32],
        called_number=called,
        sip_call_id=storable_text(attributes.get("sip.callID", ""))[:128],
        twilio_call_sid=storable_text(attributes.get("sip.twilio.callSid", ""))[:64],
    )


def _from_browser(room_name: str, caller: ParticipantInfo) -> IncomingCall:
    version = caller.attributes.get(browser.VERSION)
    return IncomingCall(
        room_name=room_name,
        caller_identity=caller.identity,
        caller_number="",
        called_number=caller.attributes.get(browser.CALLED, ""),
        is_test=True,
        version_id=int(version) if version else None,
    )


def _number(text: str) -> str:
    """E.164 where it can be; else what came in (`anonymous`, an extension), which no PhoneNumber matches."""
    try:
        return to_e164(text)
    except ValidationError:
        return text[:32]
