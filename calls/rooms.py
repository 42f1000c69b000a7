"""LiveKit's room service, as far as calls need it outside a conversation."""

import asyncio

from django.conf import settings
from livekit import api

RETRY_S = (0.2, 1.0)  # LiveKit 1.9 answers "no response from servers" while the room is closing by itself


async def delete_room(room_name: str) -> None:
    """Close a room and hang up on everyone in it. A room that is gone already is no error.

    Raises livekit.api.TwirpError when LiveKit refuses, and aiohttp.ClientError when it cannot be reached.
    """
    async with api.LiveKitAPI(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET) as livekit:
        for pause_s in (*RETRY_S, None):
            try:
                await livekit.room.delete_room(api.DeleteRoomRequest(room=room_name))
                return
            except api.TwirpError as error:
                if _is_gone(error):
                    return
                if error.code != api.TwirpErrorCode.UNAVAILABLE or pause_s is None:
                    raise
                await asyncio.sleep(pause_s)


def _is_gone(error: api.TwirpError) -> bool:
    # LiveKit 1.9 answers the second way when the room is closing at this moment.
    return error.code == api.TwirpErrorCode.NOT_FOUND or error.message == "could not find object"
