"""What LiveKit's SIP service does on behalf of a telephone: it joins in its name, and picks up when it is called."""

import asyncio
import secrets
from datetime import timedelta

from livekit import api, rtc

from simulator.caller.settings import CallerSettings


def token(settings: CallerSettings, room: str) -> str:
    """The token of a participant of kind SIP, with the attributes of a telephone that calls, or is called."""
    is_called = settings.picks_up_after_s is not None
    attributes = {
        # the headers of the INVITE: numbers are hidden from LiveKit itself
        "callcenter.from": f"<sip:{settings.caller_number}@telephone.example>;tag={secrets.token_hex(4)}",
        "callcenter.to": f"<sip:{settings.to_number}@sip.example.com>",
        "sip.callID": f"SCL_{secrets.token_hex(6)}",
        "sip.callStatus": "ringing" if is_called else "active",
        "sip.trunkID": "ST_simulator",
        "sip.ruleID": "" if is_called else "SDR_simulator",
        "sip.twilio.callSid": f"CA{secrets.token_hex(16)}",
    }
    lifetime_s = settings.ring_timeout_s + settings.max_seconds + 60
    return (
        api.AccessToken(settings.api_key, settings.api_secret)
        .with_identity(settings.participant_identity)
        .with_name(f"Phone {settings.caller_number[-4:]}")
        .with_kind("sip")
        .with_attributes(attributes)
        .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=is_called))
        .with_ttl(timedelta(seconds=lifetime_s))
        .to_jwt()
    )


async def pick_up(room: rtc.Room, after_s: float, gone: asyncio.Future[int]) -> None:
    """Ring so long; then take the audio of everyone in the room. Returns at once when the room is `gone`."""
    await asyncio.wait({gone}, timeout=after_s)
    if gone.done():
        return

    def take(publication: rtc.RemoteTrackPublication, _participant: rtc.RemoteParticipant) -> None:
        publication.set_subscribed(True)

    await room.local_participant.set_attributes({"sip.callStatus": "active"})
    room.on("track_published", take)
    for participant in room.remote_participants.values():
        for publication in participant.track_publications.values():
            take(publication, participant)
