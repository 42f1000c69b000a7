"""LiveKit's side of telephony: who may call in, through which trunk calls go out, and into which rooms callers come.

The three objects are found again by their names, so the command is safe to repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from livekit import api

from calls.livekit import rooms, sip_headers
from calls.provisioning.changes import CannotProvision, Changes, differences

NAME = "callcenter"
TWILIO_SIGNALLING = (
    "54.172.60.0/30",  # Virginia
    "54.244.51.0/30",  # Oregon
    "54.171.127.192/30",  # Dublin
    "35.156.191.128/30",  # Frankfurt
    "54.65.63.192/30",  # Tokyo
    "54.169.127.128/30",  # Singapore
    "54.252.254.64/30",  # Sydney
    "177.71.206.192/30",  # Sao Paulo
)
"""Where the calls of Twilio's trunks come from (https://www.twilio.com/docs/sip-trunking/ip-addresses)."""
RINGS_S = 300  # longer than a number rings, twice: the product overflows before LiveKit gives up
LONGEST_CALL_S = 4 * 3600 + RINGS_S  # the longest that a persona may have, and the ringing before it
ROOM = api.RoomConfiguration(empty_timeout=20, departure_timeout=15)  # as in docker/livekit/livekit.yaml
UNCOMPARED = {"sip_trunk_id", "sip_dispatch_rule_id", "created_at", "updated_at"}
SECRETS = {"auth_password"}


@dataclass(frozen=True, slots=True)
class Telephony:
    """The desired state in LiveKit. `numbers` are E.164; without `outbound_domain` no calls go out."""

    numbers: Sequence[str]
    allowed_addresses: Sequence[str] = TWILIO_SIGNALLING
    outbound_domain: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


async def provision(telephony: Telephony, changes: Changes) -> None:
    """Create or update the inbound trunk, the outbound trunk and the dispatch rule. Raises CannotProvision."""
    if not telephony.numbers:
        raise CannotProvision("There is no number: add an active one in the admin, or name one with --number.")
    try:
        async with rooms.livekit_api() as livekit:
            inbound_id = await _inbound_trunk(livekit, telephony, changes)
            if telephony.outbound_domain:
                await _outbound_trunk(livekit, telephony, changes)
            await _dispatch_rule(livekit, inbound_id, changes)
    except api.ServerError as error:
        raise CannotProvision(_refused(error)) from error
    except (OSError, TimeoutError) as error:  # aiohttp's errors of connection are OSErrors
        raise CannotProvision(f"LiveKit cannot be reached at LIVEKIT_URL: {type(error).__name__}.") from error


async def _inbound_trunk(livekit: api.LiveKitAPI, telephony: Telephony, changes: Changes) -> str:
    wanted = api.SIPInboundTrunkInfo(
        name=NAME,
        numbers=telephony.numbers,
        allowed_addresses=telephony.allowed_addresses,
        headers_to_attributes=sip_headers.HEADERS_TO_ATTRIBUTES,
        ringing_timeout=Duration(seconds=RINGS_S),
        max_call_duration=Duration(seconds=LONGEST_CALL_S),
    )
    listed = await livekit.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    found = _named(listed.items)
    if found is None:
        if not changes.create(f"inbound trunk {NAME} for {' '.join(telephony.numbers)}"):
            return ""
        return str(
            (await livekit.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=wanted))).sip_trunk_id
        )
    if changes.update(f"inbound trunk {NAME}", _differ(found, wanted)):
        await livekit.sip.update_inbound_trunk(found.sip_trunk_id, wanted)
    return str(found.sip_trunk_id)


async def _outbound_trunk(livekit: api.LiveKitAPI, telephony: Telephony, changes: Changes) -> None:
    wanted = api.SIPOutboundTrunkInfo(
        name=NAME,
        address=telephony.outbound_domain,
        numbers=telephony.numbers,
        auth_username=telephony.username,
        auth_password=telephony.password,
    )
    listed = await livekit.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    found = _named(listed.items)
    if found is None:
        if changes.create(f"outbound trunk {NAME} through {telephony.outbound_domain}"):
            await livekit.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=wanted))
    elif changes.update(f"outbound trunk {NAME}", _differ(found, wanted)):
        await livekit.sip.update_outbound_trunk(found.sip_trunk_id, wanted)


async def _dispatch_rule(livekit: api.LiveKitAPI, inbound_id: str, changes: Changes) -> None:
    """Each caller comes into a room of its own, whose name has the called number in it and not the caller's."""
    own_room = api.SIPDispatchRuleCallee(room_prefix=rooms.ROOM_PREFIX, randomize=True)
    wanted = api.SIPDispatchRuleInfo(
        name=NAME,
        rule=api.SIPDispatchRule(dispatch_rule_callee=own_room),
        hide_phone_number=True,
        trunk_ids=[inbound_id] if inbound_id else [],
        room_config=ROOM,
    )
    listed = await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
    found = _named(listed.items)
    if found is None:
        if changes.create(f"dispatch rule {NAME}: a room of its own, {rooms.ROOM_PREFIX}…, for each caller"):
            await livekit.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=wanted))
    elif changes.update(f"dispatch rule {NAME}", _differ(found, wanted)):
        await livekit.sip.update_dispatch_rule(found.sip_dispatch_rule_id, wanted)


def _named(items: Any) -> Any:
    return next((item for item in items if item.name == NAME), None)


def _differ(found: Message, wanted: Message) -> dict[str, str]:
    """What differs, in words; a secret only as that it does."""
    is_now, shall_be = _fields(found), _fields(wanted)
    names = is_now.keys() | shall_be.keys()
    differ = differences({name: is_now.get(name) for name in names}, {name: shall_be.get(name) for name in names})
    return {name: "changed" if name in SECRETS else how for name, how in sorted(differ.items())}


def _fields(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return {name: value for name, value in fields.items() if name not in UNCOMPARED}


def _refused(error: api.ServerError) -> str:
    if error.status == 401:
        return "LiveKit refuses the key: check LIVEKIT_API_KEY and LIVEKIT_API_SECRET."
    if error.message == "sip not connected (redis required)":
        return "LiveKit has no Redis, in which it keeps trunks: set its `redis.address`, and run its SIP service."
    return f"LiveKit refused: {error.message or error.code}."
