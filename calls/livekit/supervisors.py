"""Supervisors in a call's room: heard by nobody and seen by nobody, until one takes over."""

import json
import secrets
from datetime import timedelta

from django.conf import settings
from livekit import api

from calls.livekit.browser import Ticket
from calls.livekit.rooms import agent_identity, is_gone, livekit_api

PREFIX = "supervisor-"
JOINS_WITHIN = timedelta(seconds=30)
"""A token that is used after the call has ended would make its room anew."""
TOPIC = "callcenter.supervisor"
LOOK = json.dumps({"look": True}).encode()
"""What the agent is sent: that there is something new in the call's row or events."""


def is_supervisor(identity: str) -> bool:
    return identity.startswith(PREFIX)


def new_identity(user_id: int) -> str:
    """The name of a supervisor's participant; nobody can guess that of somebody else."""
    return f"{PREFIX}{user_id}-{secrets.token_hex(8)}"


def ticket(room_name: str, identity: str) -> Ticket:
    """Let a browser hear a room, hidden from everyone in it."""
    grants = api.VideoGrants(
        room_join=True, room=room_name, hidden=True, can_subscribe=True, can_publish=False, can_publish_data=False
    )
    token = api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    signed = token.with_identity(identity).with_grants(grants).with_ttl(JOINS_WITHIN).to_jwt()
    return Ticket(settings.LIVEKIT_PUBLIC_URL, room_name, signed)


async def let_speak(room_name: str, identity: str) -> bool:
    """Show a hidden supervisor to the others in the room, and let it speak. False when it is not in the room.

    Raises as `rooms.delete_room` does.
    """
    permission = api.ParticipantPermission(
        can_subscribe=True, can_publish=True, can_publish_data=False, hidden=False, can_update_metadata=False
    )
    request = api.UpdateParticipantRequest(room=room_name, identity=identity, permission=permission)
    async with livekit_api() as livekit:
        try:
            await livekit.room.update_participant(request)
        except api.TwirpError as error:
            if is_gone(error):
                return False
            raise
    return True


async def have_agent_look(room_name: str, attempt: int) -> None:
    """Tell a call's agent to look at what supervisors did. Raises as `rooms.delete_room` does."""
    request = api.SendDataRequest(
        room=room_name,
        data=LOOK,
        kind=api.DataPacket.Kind.RELIABLE,
        destination_identities=[agent_identity(attempt)],
        topic=TOPIC,
    )
    async with livekit_api() as livekit:
        await livekit.room.send_data(request)
