"""LiveKit's SIP service for outbound calls. A worker imports it: `-I workers.tasks,tests.product.callee`.

LiveKit itself knows trunks, and cannot dial without that service. So its answer to CreateSIPParticipant is replaced: a
synthetic callee rings in the room, picks up and talks as CALLEE_SCENARIO says, but for the numbers that answer at once.
"""

import asyncio
import os
from typing import Any

from django.conf import settings
from livekit import api
from livekit.api.sip_service import SipService

from simulator.caller import CallerEvent, CallerSettings, place_call
from simulator.scenario import parse_scenario

RINGS_S = 1.0
BUSY, REFUSED, NO_ANSWER = "+12025550186", "+12025550103", "+12025550180"
ANSWERS = {BUSY: (486, "Busy Here"), REFUSED: (603, "Decline"), NO_ANSWER: (480, "Temporarily Unavailable")}

_calls: set[asyncio.Task[Any]] = set()


async def create_sip_participant(
    _service: SipService, create: api.CreateSIPParticipantRequest, **_: Any
) -> api.SIPParticipantInfo:
    """Answer as LiveKit's server does when it is asked to wait until the telephone was picked up."""
    if create.sip_call_to in ANSWERS:
        code, status = ANSWERS[create.sip_call_to]
        metadata = {"sip_status_code": str(code), "sip_status": status}
        raise api.SipCallError("unavailable", "the call was not answered", status=503, metadata=metadata)
    picked_up = asyncio.Event()

    def heed(event: CallerEvent) -> None:
        if event.kind == "answered":
            picked_up.set()

    callee = CallerSettings(
        livekit_url=settings.LIVEKIT_URL,
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        to_number=create.sip_number,
        from_number=create.sip_call_to,
        room=create.room_name,
        scenario=parse_scenario(os.environ["CALLEE_SCENARIO"]),
        picks_up_after_s=RINGS_S,
        identity=create.participant_identity,
    )
    calling = asyncio.create_task(place_call(callee, heed))
    _calls.add(calling)
    calling.add_done_callback(_calls.discard)
    await picked_up.wait()
    return api.SIPParticipantInfo(participant_identity=create.participant_identity, room_name=create.room_name)


if "CALLEE_SCENARIO" in os.environ:  # not in the process of the tests, which reads the numbers above
    setattr(SipService, "create_sip_participant", create_sip_participant)  # noqa: B010  mypy takes no assignment
