"""Webhooks as LiveKit sends them, for calls without media: signed, and posted to the web process."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from datetime import timedelta
from typing import Any

import aiohttp
from livekit.api import AccessToken

from tools.measure.world import World


def participant(number: str, called: str) -> dict[str, Any]:
    """A phone caller as a webhook's participant, with the attributes that LiveKit's SIP service sets."""
    attributes = {
        "sip.phoneNumber": number,
        "sip.trunkPhoneNumber": called,
        "sip.callID": f"SCL_{secrets.token_hex(6)}",
        "sip.callStatus": "active",
        "sip.twilio.callSid": f"CA{secrets.token_hex(16)}",
    }
    return {"sid": f"PA_{secrets.token_hex(6)}", "identity": f"sip_{number}", "kind": "SIP", "attributes": attributes}


def event(kind: str, room: str, who: dict[str, Any] | None = None) -> bytes:
    """The body of a webhook, with an id of its own: the same body once more is a duplicate."""
    document: dict[str, Any] = {
        "event": kind,
        "room": {"sid": "RM_bench", "name": room},
        "id": f"EV_{secrets.token_hex(6)}",
        "createdAt": str(int(time.time())),
    }
    if who is not None:
        document["participant"] = who
    return json.dumps(document).encode()


def signed(body: bytes, api_key: str, api_secret: str) -> dict[str, str]:
    """The headers with which LiveKit sends this body: https://docs.livekit.io/home/server/webhooks/."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    token = AccessToken(api_key, api_secret).with_sha256(digest).with_ttl(timedelta(minutes=5))
    return {"Authorization": token.to_jwt(), "Content-Type": "application/webhook+json"}


async def post(
    session: aiohttp.ClientSession, world: World, kind: str, room: str, who: dict[str, Any] | None = None
) -> float:
    """Post one event and return how long the answer took, in ms. Raises aiohttp.ClientError for any answer but 200."""
    body = event(kind, room, who)
    headers = signed(body, world.instance.livekit_api_key, world.instance.livekit_api_secret)
    began = time.perf_counter()
    async with session.post(f"{world.web_url}/webhooks/livekit", data=body, headers=headers) as answer:
        answer.raise_for_status()
        await answer.read()
    return (time.perf_counter() - began) * 1000


async def one_call(
    session: aiohttp.ClientSession, world: World, room: str, caller: str, called: str, hold_s: float
) -> list[float]:
    """A call's four webhooks; the caller leaves when the call has been held. How long each answer took, in ms.

    Raises aiohttp.ClientError for any answer but 200.
    """
    who = participant(caller, called)
    took = [await post(session, world, "room_started", room)]
    took.append(await post(session, world, "participant_joined", room, who))
    await asyncio.sleep(hold_s + 1.0)
    took.append(await post(session, world, "participant_left", room, who))
    took.append(await post(session, world, "room_finished", room))
    return took
