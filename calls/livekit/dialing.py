"""Dials the person whom an outbound call is for, and says in the vocabulary of calls why nobody was reached."""

from datetime import timedelta

import aiohttp
from google.protobuf.duration_pb2 import Duration
from livekit import api

from calls.livekit import rooms
from calls.models import Call
from calls.states import EndReason

RINGS = timedelta(seconds=45)  # longer than most telephones ring before their voicemail answers

_REASONS = {
    408: EndReason.NO_ANSWER,
    480: EndReason.NO_ANSWER,
    487: EndReason.NO_ANSWER,
    486: EndReason.BUSY,
    600: EndReason.BUSY,
    603: EndReason.REFUSED,
    607: EndReason.REFUSED,
    608: EndReason.REFUSED,
}
"""SIP's answers (RFC 3261, 8197, 8688) about the person; all others are about the trunk or the number."""


class NotReached(Exception):
    """Nobody has answered: `reason`, and what exactly was said, for the operator."""

    def __init__(self, reason: EndReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


async def dial(call: Call) -> None:
    """Have LiveKit's SIP service call the person into the call's room; return when the call was answered.

    Raises NotReached when it was not within RINGS, or cannot be.
    """
    try:
        async with rooms.livekit_api() as livekit:
            trunk_id = await _trunk_of(livekit, call.called_number)
            await livekit.sip.create_sip_participant(_request(call, trunk_id))
    except api.SipCallError as error:
        raise NotReached(_reason(error.sip_status_code), _words(error)) from error
    except api.ServerError as error:
        late = error.code == api.ServerErrorCode.DEADLINE_EXCEEDED
        reason = EndReason.NO_ANSWER if late else EndReason.DIAL_FAILED
        raise NotReached(reason, f"LiveKit: {error.message or error.code}") from error
    except TimeoutError as error:
        raise NotReached(EndReason.NO_ANSWER, "LiveKit reported nothing while the phone rang") from error
    except aiohttp.ClientError as error:
        raise NotReached(EndReason.DIAL_FAILED, f"LiveKit cannot be reached: {type(error).__name__}") from error


async def _trunk_of(livekit: api.LiveKitAPI, number: str) -> str:
    """The outbound trunk that may call from this number: one that names it goes before one for any number."""
    listed = await livekit.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    for wanted in (number, "*"):
        for trunk in listed.items:
            if wanted in trunk.numbers:
                return str(trunk.sip_trunk_id)
    raise NotReached(
        EndReason.DIAL_FAILED, f"LiveKit has no outbound trunk for {number}: run manage.py setup_livekit_sip"
    )


def _request(call: Call, trunk_id: str) -> api.CreateSIPParticipantRequest:
    return api.CreateSIPParticipantRequest(
        sip_trunk_id=trunk_id,
        sip_call_to=call.caller_number,
        sip_number=call.called_number,
        room_name=call.room_name,
        participant_identity=call.caller_identity,
        hide_phone_number=True,
        ringing_timeout=Duration(seconds=int(RINGS.total_seconds())),
        wait_until_answered=True,
    )


def _reason(code: int | None) -> EndReason:
    return _REASONS.get(code or 0, EndReason.DIAL_FAILED)


def _words(error: api.SipCallError) -> str:
    return f"SIP {error.sip_status_code} {error.sip_status or ''}".strip()
