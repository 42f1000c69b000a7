"""What LiveKit is asked when an agent dials, and what its answers mean: a server that speaks LiveKit's API answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import api
from pytest_django import Settings

from calls.livekit import dialing
from calls.models import Call
from calls.states import EndReason

CALL = Call(room_name="call-1", caller_identity="sip_+12025550155", caller_number="+12025550155")
CALL.called_number = "+12025550100"


class FakeLiveKit:
    """Answers ListSIPOutboundTrunk with `trunks`, CreateSIPParticipant with `answer`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.trunks = [
            api.SIPOutboundTrunkInfo(sip_trunk_id="ST_any", numbers=["*"]),
            api.SIPOutboundTrunkInfo(sip_trunk_id="ST_other", numbers=["+12025550111"]),
            api.SIPOutboundTrunkInfo(sip_trunk_id="ST_ours", numbers=["+12025550100"]),
        ]
        self.answer: web.Response | None = None
        self.asked: list[api.CreateSIPParticipantRequest] = []

    async def list_trunks(self, _request: web.Request) -> web.Response:
        listed = api.ListSIPOutboundTrunkResponse(items=self.trunks)
        return web.Response(body=listed.SerializeToString(), content_type="application/protobuf")

    async def create_participant(self, request: web.Request) -> web.Response:
        self.asked.append(api.CreateSIPParticipantRequest.FromString(await request.read()))
        assert request.headers["Authorization"].startswith("Bearer ")
        answered = api.SIPParticipantInfo(sip_call_id="SCL_1").SerializeToString()
        return self.answer or web.Response(body=answered, content_type="application/protobuf")


@pytest.fixture
async def livekit(settings: Settings) -> AsyncIterator[FakeLiveKit]:
    fake, app = FakeLiveKit(), web.Application()
    app.router.add_post("/twirp/livekit.SIP/ListSIPOutboundTrunk", fake.list_trunks)
    app.router.add_post("/twirp/livekit.SIP/CreateSIPParticipant", fake.create_participant)
    async with TestServer(app) as server:
        settings.LIVEKIT_URL = f"ws://127.0.0.1:{server.port}"
        yield fake


def refusal(code: str, status: int = 503, **meta: str) -> web.Response:
    """An error as Twirp carries it."""
    body: dict[str, Any] = {"code": code, "msg": "twirp error", "meta": meta}
    return web.json_response(body, status=status)


async def not_reached() -> tuple[EndReason, str]:
    with pytest.raises(dialing.NotReached) as caught:
        await dialing.dial(CALL)
    return caught.value.reason, caught.value.detail


async def test_the_person_is_called_into_the_room_through_the_numbers_own_trunk(livekit: FakeLiveKit) -> None:
    await dialing.dial(CALL)

    [asked] = livekit.asked
    assert (asked.sip_trunk_id, asked.sip_call_to, asked.sip_number) == ("ST_ours", "+12025550155", "+12025550100")
    assert (asked.room_name, asked.participant_identity) == ("call-1", "sip_+12025550155")
    assert asked.hide_phone_number
    assert asked.wait_until_answered
    assert asked.ringing_timeout.seconds == dialing.RINGS.total_seconds()


async def test_a_trunk_for_any_number_will_do(livekit: FakeLiveKit) -> None:
    del livekit.trunks[-1]

    await dialing.dial(CALL)

    assert livekit.asked[0].sip_trunk_id == "ST_any"


async def test_without_a_trunk_nobody_is_asked_to_dial_and_the_cure_is_told(livekit: FakeLiveKit) -> None:
    livekit.trunks = []

    reason, detail = await not_reached()

    assert reason == EndReason.DIAL_FAILED
    assert detail == "LiveKit has no outbound trunk for +12025550100: run manage.py setup_livekit_sip"
    assert livekit.asked == []


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        (486, "Busy Here", EndReason.BUSY),
        (600, "Busy Everywhere", EndReason.BUSY),
        (603, "Decline", EndReason.REFUSED),
        (408, "Request Timeout", EndReason.NO_ANSWER),
        (480, "Temporarily Unavailable", EndReason.NO_ANSWER),
        (487, "Request Terminated", EndReason.NO_ANSWER),
        (404, "Not Found", EndReason.DIAL_FAILED),
        (403, "Forbidden", EndReason.DIAL_FAILED),
        (503, "Service Unavailable", EndReason.DIAL_FAILED),
    ],
)
async def test_sips_answer_is_the_reason(code: int, words: str, reason: EndReason, livekit: FakeLiveKit) -> None:
    livekit.answer = refusal("unavailable", sip_status_code=str(code), sip_status=words)

    assert await not_reached() == (reason, f"SIP {code} {words}")


async def test_a_phone_that_rings_too_long_is_not_an_answer(livekit: FakeLiveKit) -> None:
    livekit.answer = refusal("deadline_exceeded", status=408)

    assert await not_reached() == (EndReason.NO_ANSWER, "LiveKit: twirp error")


async def test_livekit_without_its_sip_service_cannot_place_a_call(livekit: FakeLiveKit) -> None:
    livekit.answer = refusal("unavailable")

    assert await not_reached() == (EndReason.DIAL_FAILED, "LiveKit: twirp error")


async def test_a_livekit_that_is_away_cannot_place_a_call(settings: Settings) -> None:
    settings.LIVEKIT_URL = "ws://127.0.0.1:1"

    assert await not_reached() == (EndReason.DIAL_FAILED, "LiveKit cannot be reached: ClientConnectorError")
