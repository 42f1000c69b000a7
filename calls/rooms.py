"""LiveKit's room service, as far as calls need it outside a conversation."""

from django.conf import settings
from livekit import api


async def delete_room(room_name: str) -> None:
    """Close a room and hang up on everyone in it. A room that is gone already is no error.

    Raises livekit.api.TwirpError when LiveKit refuses, and aiohttp.ClientError when it cannot be reached.
    """
    async with api.LiveKitAPI(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET) as livekit:
        try:
            await livekit.room.delete_room(api.DeleteRoomRequest(room=room_name))
        except api.TwirpError as error:
            if error.code != api.TwirpErrorCode.NOT_FOUND:
                raise
