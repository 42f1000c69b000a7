"""Callers in a browser: the token with which one joins a room of its own, and what it says about the call.

LiveKit's API key signs it, and nobody can change attributes in a room: so they are true.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from livekit import api

from calls.livekit.rooms import ROOM_PREFIX

CALLED, VERSION = "callcenter.called", "callcenter.version"
"""Attributes: the number that is called, or the id of the persona's version that is talked to."""
JOINS_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a browser needs to call: LiveKit's address for browsers, and a token for one room."""

    url: str
    room_name: str
    token: str


def ticket(user_id: int, attributes: dict[str, str]) -> Ticket:
    """Let a user's browser call, once: the room is new. It may speak, listen and press keys."""
    room_name = f"{ROOM_PREFIX}browser-{uuid.uuid4()}"
    grants = api.VideoGrants(
        room_join=True, room=room_name, can_publish_sources=["microphone"], can_update_own_metadata=False
    )
    token = (
        api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(f"{identity_prefix(user_id)}{secrets.token_hex(4)}")
        .with_attributes(attributes)
        .with_grants(grants)
        .with_ttl(JOINS_WITHIN)
    )
    return Ticket(settings.LIVEKIT_PUBLIC_URL, room_name, token.to_jwt())


def origins() -> list[str]:
    """LiveKit's for a page's policy: livekit-client connects over WebSocket and HTTP."""
    address = urlsplit(settings.LIVEKIT_PUBLIC_URL)
    secure = "s" if address.scheme in ("wss", "https") else ""
    return [f"ws{secure}://{address.netloc}", f"http{secure}://{address.netloc}"]


def identity_prefix(user_id: int) -> str:
    """How the identities of a user's browsers begin."""
    return f"browser-{user_id}-"


def is_browser(participant: api.ParticipantInfo) -> bool:
    """Whether a participant calls from a browser. A telephone's attributes come from its provider's headers."""
    from_telephone = participant.kind == api.ParticipantInfo.Kind.SIP
    return not from_telephone and (CALLED in participant.attributes or VERSION in participant.attributes)
