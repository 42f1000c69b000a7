"""Webhooks byte for byte as livekit-server 1.9.12 sent them, in their order: one caller, one agent, one room.

Only `turnPassword` was replaced.
"""

import json
from pathlib import Path

import pytest

from calls.models import Call, WebhookEvent
from calls.states import EndReason, Status
from tests.calls.conftest import Deliver, SentMessages
from tests.factories import make_number, signed

pytestmark = pytest.mark.django_db

FILES = sorted(Path(__file__).with_name("payloads").glob("*.json"))
ROOM = "call-7kQx2mZpTgRa"


def body(name: str) -> bytes:
    [file] = [file for file in FILES if file.stem.endswith(name)]
    return file.read_bytes()


def test_there_is_a_payload_of_every_kind() -> None:
    kinds = {json.loads(file.read_bytes())["event"] for file in FILES}

    assert kinds >= {"room_started", "participant_joined", "participant_left", "room_finished", "track_published"}


def test_the_whole_sequence_makes_one_call_and_ends_it(deliver: Deliver, sent: SentMessages) -> None:
    make_number("+12025550100")

    outcomes = [deliver(signed(file.read_bytes())) for file in FILES]

    assert [(status, answer["outcome"]) for status, answer in outcomes] == [
        (200, "noted"),
        (200, "call queued"),
        (200, "noted"),
        (200, "ignored"),
        (200, "call ended"),
        (200, "ignored"),
        (200, "noted"),
        (200, "noted"),
    ]
    call = Call.objects.get()
    assert (call.room_name, call.status, call.end_reason) == (ROOM, Status.MISSED, EndReason.CALLER_GAVE_UP)
    assert sent == [("workers.run_call", str(call.pk))]


def test_the_caller_is_read_from_the_sip_attributes(deliver: Deliver) -> None:
    number = make_number("+12025550100")

    deliver(signed(body("caller_joined")))

    call = Call.objects.get()
    assert (call.phone_number, call.called_number, call.caller_number) == (number, "+12025550100", "+12025550123")
    assert (call.caller_identity, call.sip_call_id) == ("sip_+12025550123", "SCL_kNaRzLxT4mpQ")
    assert call.twilio_call_sid == "CA0123456789abcdef0123456789abcdef"


def test_the_sequence_backwards_makes_one_missed_call(deliver: Deliver) -> None:
    make_number("+12025550100")

    for file in reversed(FILES):
        deliver(signed(file.read_bytes()))

    assert Call.objects.get().status == Status.MISSED


def test_events_are_stored_by_the_ids_that_livekit_gave_them(deliver: Deliver) -> None:
    deliver(signed(body("room_started")))

    event = WebhookEvent.objects.get()
    sent = json.loads(body("room_started"))
    assert (event.event_id, int(event.sent_at.timestamp())) == (sent["id"], int(sent["createdAt"]))
