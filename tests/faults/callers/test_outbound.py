"""Calls that the product places: through the API, a worker and LiveKit, to a synthetic callee or to none."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from livekit import api

from calls.livekit import rooms
from calls.models import Heartbeat, PhoneNumber
from calls.states import Direction, EndReason, Status
from tests.factories import client_of
from tests.faults.scenarios import SHORT_CHAT
from tests.product import callee
from tests.product.fixtures import NUMBER
from tests.product.stack import Stack, eventually, final_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("trunk", "dialing_worker")]


@pytest.fixture(scope="module")
def dialing_worker(stack: Stack) -> Iterator[None]:
    """A worker with enough slots for the reserve, whose LiveKit can dial."""
    with stack.worker("dialing", include="workers.tasks,tests.product.callee", CALLEE_SCENARIO=SHORT_CHAT):
        yield


@pytest.fixture(scope="module")
def trunk(stack: Stack) -> Iterator[None]:
    """The outbound trunk that LiveKit finds for the number."""

    async def create() -> str:
        trunk = api.SIPOutboundTrunkInfo(name="callee", address="sip.example.com", numbers=[NUMBER])
        async with rooms.livekit_api() as livekit:
            made = await livekit.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=trunk))
            return str(made.sip_trunk_id)

    async def delete(trunk_id: str) -> None:
        async with rooms.livekit_api() as livekit:
            await livekit.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=trunk_id))

    trunk_id = asyncio.run(create())
    yield
    asyncio.run(delete(trunk_id))


def _place(to: str) -> dict[str, Any]:
    eventually(Heartbeat.objects.exists, "the worker's slots")  # it tells them every second and a half
    answer = client_of(superuser=True).post("/api/calls", {"to": to, "from": NUMBER}, content_type="application/json")
    assert answer.status_code == 202, answer.content
    row: dict[str, Any] = answer.json()
    return row


@pytest.mark.quick
def test_an_outbound_call_rings_and_its_agent_greets_only_when_the_telephone_was_picked_up(
    stack: Stack, number: PhoneNumber
) -> None:
    stack.script(SHORT_CHAT)

    placed = _place("+12025550155")
    call = final_call(placed["room_name"])

    assert (placed["direction"], placed["status"]) == ("outbound", "queued")
    assert (call.direction, call.phone_number, call.caller_number) == (Direction.OUTBOUND, number, "+12025550155")
    assert (call.status, call.end_reason, call.attempt) == (Status.COMPLETED, EndReason.CALLER_LEFT, 1)
    assert [(turn.speaker, turn.text) for turn in call.turns.all()] == [
        ("agent", "Hello, this is Anna."),
        ("caller", "Hello, what are your opening hours?"),
        ("agent", "We are open from nine to five."),
    ]
    dialed_at, picked_up_at = (call.events.get(kind=kind).at for kind in ("dialing", "picked_up"))
    assert picked_up_at - dialed_at >= timedelta(seconds=callee.RINGS_S)
    assert call.turns.get(number=1).started_at >= picked_up_at
    assert call.answered_at is not None
    assert call.answered_at >= picked_up_at
    call = eventually(lambda: type(call).objects.exclude(sip_call_id="").filter(pk=call.pk).first(), "SIP call id")
    assert call.sip_call_id.startswith("SCL_")


@pytest.mark.parametrize(
    ("to", "reason", "detail"),
    [
        (callee.BUSY, EndReason.BUSY, "SIP 486 Busy Here"),
        (callee.REFUSED, EndReason.REFUSED, "SIP 603 Decline"),
        (callee.NO_ANSWER, EndReason.NO_ANSWER, "SIP 480 Temporarily Unavailable"),
    ],
)
def test_nobody_who_answers_is_the_reason_of_the_end_and_nothing_is_said(
    to: str, reason: EndReason, detail: str, number: PhoneNumber
) -> None:
    call = final_call(_place(to)["room_name"])

    assert (call.status, call.end_reason, call.end_detail) == (Status.MISSED, reason, detail)
    assert (call.answered_at, call.turns.count(), call.attempt) == (None, 0, 1)
