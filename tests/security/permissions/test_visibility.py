"""Who may not read what was said, or sees numbers masked, does not learn either in a roundabout way."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from calls.models import Call, DeadLetter, WebhookEvent
from calls.models.dead_letter import Cause
from calls.states import Status
from tests.factories import client_of, make_call, make_event, make_user

pytestmark = pytest.mark.django_db

NUMBER = "+12025550123"
ROOM = f"call-_{NUMBER}_x7Rq"
REFUSED = "the arguments do not fit: 'four two four two' is not a number"
PARTS = ["2025550123", "+1202", "55501"]


@pytest.fixture
def call() -> Call:
    call = make_call(
        Status.FAILED,
        caller_number=NUMBER,
        caller_identity=f"sip_{NUMBER}",
        room_name=ROOM,
        sip_call_id="SCL_kNaRz",
        end_detail="llm: cannot answer 'four two four two'",
    )
    make_event(call, "dtmf", detail={"digit": "4242"}).save()
    make_event(call, "tool_failed", detail={"tool": "find_order", "took_ms": 12, "why": REFUSED}).save()
    make_event(call, "error", detail={"stage": "llm", "error": "cannot answer 'four two four two'"}).save()
    make_event(call, "dead_letter", detail={"why": Cause.REFUSED}).save()
    return call


def staff(*permissions: str) -> Client:
    client = Client()
    client.force_login(make_user("", *permissions, is_staff=True))
    return client


def found(answer: Any) -> int:
    """How many rows the list shows."""
    return int(answer.context["cl"].result_count)


def test_events_show_no_transcript_to_users_without_the_permission(call: Call) -> None:
    without = staff("calls.view_call")

    page = without.get(f"/admin/calls/call/{call.pk}/change/").content.decode()
    answer = without.get(f"/api/calls/{call.pk}/").json()

    for text in (page, str(answer)):
        assert "4242" not in text
        assert "four two" not in text
        assert "find_order" in text
    details = {event["kind"]: event["detail"] for event in answer["events"]}
    assert details["dtmf"] == {}
    assert details["tool_failed"] == {"tool": "find_order", "took_ms": 12}
    assert details["dead_letter"] == {"why": "refused"}


def test_events_show_everything_to_users_who_may_read_transcripts(call: Call) -> None:
    viewer = client_of("Viewers")

    page = viewer.get(f"/admin/calls/call/{call.pk}/change/").content.decode()
    answer = viewer.get(f"/api/calls/{call.pk}/").json()

    assert "4242" in page
    assert REFUSED in str([event["detail"] for event in answer["events"]])
    assert "four two" in answer["end_detail"]


@pytest.mark.parametrize("part", PARTS)
def test_a_masked_number_is_not_found_by_a_part_of_it(part: str, call: Call) -> None:
    viewer, supervisor = client_of("Viewers"), client_of("Supervisors")

    assert found(viewer.get("/admin/calls/call/", {"q": part})) == 0
    assert found(supervisor.get("/admin/calls/call/", {"q": part})) == 1
    assert found(viewer.get("/admin/calls/call/", {"q": "SCL_kNaRz"})) == 1


@pytest.mark.parametrize("part", PARTS)
def test_nor_among_dead_letters_and_webhooks(part: str, call: Call) -> None:
    DeadLetter.objects.create(digest="1", call=call, cause=Cause.REFUSED, body=f"[{NUMBER}]")
    webhook = {"event_id": "EV_1", "kind": "participant_joined", "sent_at": timezone.now()}
    WebhookEvent.objects.create(room_name=ROOM, participant=f"sip_{NUMBER}", **webhook)
    reader = staff("calls.view_deadletter", "calls.view_webhookevent", "calls.view_call")
    whole = staff("calls.view_deadletter", "calls.view_webhookevent", "calls.view_call", "calls.view_caller_number")

    for path in ("/admin/calls/deadletter/", "/admin/calls/webhookevent/"):
        assert found(reader.get(path, {"q": part})) == 0, path
        assert found(whole.get(path, {"q": part})) == 1, path


@pytest.mark.parametrize(
    ("path", "lookup"),
    [
        ("call", "caller_number__startswith"),
        ("call", "caller_identity__contains"),
        ("call", "room_name__contains"),
        ("call", "end_detail__contains"),
        ("webhookevent", "room_name__contains"),
        ("webhookevent", "participant__contains"),
        ("deadletter", "body__contains"),
    ],
)
def test_a_list_filters_by_its_filters_only(path: str, lookup: str, call: Call) -> None:
    """Django's admin takes a filter by any column from the address."""
    for client in (staff(f"calls.view_{path}"), client_of(superuser=True)):
        assert client.get(f"/admin/calls/{path}/", {lookup: "+12"}).status_code == 400


def test_the_filters_of_a_list_still_work(call: Call) -> None:
    viewer = client_of("Viewers")
    queries: list[dict[str, Any]] = [
        {"status__exact": "failed"},
        {"created_at_from": call.created_at.date().isoformat()},
        {"phone_number__id__exact": call.phone_number_id},
    ]
    for query in queries:
        assert found(viewer.get("/admin/calls/call/", query)) == 1, query


def test_the_api_finds_no_room_by_a_masked_number(call: Call) -> None:
    viewer, supervisor = client_of("Viewers"), client_of("Supervisors")
    plain = make_call(room_name="call-5f3a")

    refused = viewer.get("/api/calls/", {"room_name": ROOM})

    assert (refused.status_code, list(refused.json())) == (403, ["detail"])
    assert [each["id"] for each in supervisor.get("/api/calls/", {"room_name": ROOM}).json()["results"]] == [
        str(call.pk)
    ]
    assert [each["id"] for each in viewer.get("/api/calls/", {"room_name": "call-5f3a"}).json()["results"]] == [
        str(plain.pk)
    ]
