"""LiveKit's room service, as far as calls need it outside a conversation."""

import asyncio
from datetime import timedelta

from django.conf import settings
from google.protobuf.duration_pb2 import Duration
from livekit import api
from livekit.protocol.sip import SIPTransferStatus

from calls import destinations
from common.database import in_database

ANNOUNCER = "announcer"  # who tells a caller why the call ends, where no agent does
ROOM_PREFIX = "call-"
ROOM_ENDED: frozenset[int] = frozenset(
    {api.DisconnectReason.ROOM_DELETED, api.DisconnectReason.ROOM_CLOSED, api.DisconnectReason.SERVER_SHUTDOWN}
)
"""Why a participant who did not leave is no longer in a room; the same numbers in webhooks and in rooms."""
CONNECTION_LOST: frozenset[int] = frozenset(
    {
        *(api.DisconnectReason.STATE_MISMATCH, api.DisconnectReason.JOIN_FAILURE, api.DisconnectReason.MIGRATION),
        *(api.DisconnectReason.SIGNAL_CLOSE, api.DisconnectReason.CONNECTION_TIMEOUT),
        api.DisconnectReason.MEDIA_FAILURE,
    }
)
"""Why a participant is no longer in a room without having left it: its side may connect again. LiveKit itself asks for
that when a negotiation fails: it closes the participant with STATE_MISMATCH, and has it join anew."""
COMES_BACK_WITHIN_S = 12.0
"""The SIP side (LiveKit's Go SDK) tries 0.3, 1.5, 4.2, 9.0 and 16.5 s after its loss. So who has missed LiveKit at the
third try comes with the fourth, and takes some time to join."""
PUT_OUT: frozenset[int] = frozenset({api.DisconnectReason.PARTICIPANT_REMOVED, api.DisconnectReason.DUPLICATE_IDENTITY})
"""The agent was removed from a room that lives on: its successor has the call."""
RETRY_S = (0.2, 1.0)  # LiveKit 1.9 answers "no response from servers" while the room is closing by itself
ASKED_AT_ONCE = 16  # rooms
JOINED_WITHIN = timedelta(minutes=5)
TRANSFER_RINGS = Duration(seconds=20)


async def delete_room(room_name: str) -> None:
    """Close a room and hang up on everyone in it. A room that is already gone is not an error.

    Raises livekit.api.TwirpError when LiveKit refuses, and aiohttp.ClientError when it cannot be reached.
    """
    async with livekit_api() as livekit:
        for pause_s in (*RETRY_S, None):
            try:
                await livekit.room.delete_room(api.DeleteRoomRequest(room=room_name))
                return
            except api.TwirpError as error:
                if is_gone(error):
                    return
                if error.code != api.TwirpErrorCode.UNAVAILABLE or pause_s is None:
                    raise
                await asyncio.sleep(pause_s)


async def reach() -> None:
    """Ask LiveKit whether it is there. Raises as `delete_room` does when it is not."""
    async with livekit_api() as livekit:
        await livekit.room.list_rooms(api.ListRoomsRequest(names=[ROOM_PREFIX]))


async def occupied(prefix: str) -> dict[str, list[api.ParticipantInfo]]:
    """The open rooms whose name begins with `prefix`, and who is in each. Raises as `delete_room` does."""
    async with livekit_api() as livekit:
        listed = await livekit.room.list_rooms(api.ListRoomsRequest())
        names = [room.name for room in listed.rooms if room.name.startswith(prefix)]
        at_once = asyncio.Semaphore(ASKED_AT_ONCE)

        async def people(name: str) -> list[api.ParticipantInfo]:
            async with at_once:
                try:
                    answer = await livekit.room.list_participants(api.ListParticipantsRequest(room=name))
                except api.TwirpError as error:
                    if is_gone(error):
                        return []
                    raise
                return list(answer.participants)

        return dict(zip(names, await asyncio.gather(*map(people, names)), strict=True))


async def agents_in(room_name: str) -> set[str]:
    """The agents, and announcers, in a room. Raises as `delete_room` does."""
    async with livekit_api() as livekit:
        try:
            answer = await livekit.room.list_participants(api.ListParticipantsRequest(room=room_name))
        except api.TwirpError as error:
            if is_gone(error):
                return set()
            raise
    return {person.identity for person in answer.participants if person.kind == api.ParticipantInfo.Kind.AGENT}


async def participant(room_name: str, identity: str) -> api.ParticipantInfo | None:
    """The participant with this identity; None if it is not in the room. Raises as `delete_room` does, and
    TimeoutError.
    """
    async with livekit_api() as livekit:
        try:
            return await livekit.room.get_participant(api.RoomParticipantIdentity(room=room_name, identity=identity))
        except api.TwirpError as error:
            if is_gone(error):
                return None
            raise


async def remove_participant(room_name: str, identity: str) -> None:
    """Remove a participant from a room. One who is not there is not an error. Raises as `delete_room` does."""
    async with livekit_api() as livekit:
        try:
            await livekit.room.remove_participant(api.RoomParticipantIdentity(room=room_name, identity=identity))
        except api.TwirpError as error:
            if not is_gone(error):
                raise


async def transfer(room_name: str, identity: str, number: str) -> None:
    """Have a caller's telephone provider connect it with `number` (E.164), by SIP REFER. Its call must be answered.

    Raises destinations.NotAllowed when the number may no longer be dialed, livekit.api.TwirpError when LiveKit or the
    other side refuses, aiohttp.ClientError and TimeoutError when LiveKit cannot be reached.
    """
    await in_database(destinations.check, number)
    request = api.TransferSIPParticipantRequest(
        room_name=room_name,
        participant_identity=identity,
        transfer_to=f"tel:{number}",
        ringing_timeout=TRANSFER_RINGS,
    )
    async with livekit_api() as livekit:
        answer = await livekit.sip.transfer_sip_participant(request)
    if answer.status == SIPTransferStatus.STS_TRANSFER_FAILED:
        raise api.TwirpError(api.TwirpErrorCode.UNKNOWN, f"the transfer failed: {answer.reason}", status=200)


def agent_identity(attempt: int) -> str:
    """The agent's name in the room under this attempt."""
    return f"agent-{attempt}"


def agent_token(room_name: str, identity: str) -> str:
    """A token that lets an agent into one room for as long as joining may take."""
    grants = api.VideoGrants(room_join=True, room=room_name, can_update_own_metadata=False)
    token = api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    return token.with_identity(identity).with_kind("agent").with_grants(grants).with_ttl(JOINED_WITHIN).to_jwt()


def livekit_api() -> api.LiveKitAPI:
    """A client of LiveKit's API; use it with `async with`."""
    return api.LiveKitAPI(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)


def is_gone(error: api.TwirpError) -> bool:
    """Whether LiveKit says that the room, or the participant, is not there."""
    # LiveKit 1.9 answers the second way when the room is closing at this moment.
    return error.code == api.TwirpErrorCode.NOT_FOUND or error.message == "could not find object"
