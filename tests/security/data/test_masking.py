"""Callers' numbers: whole for supervisors, masked in lists for viewers, and found by neither in a log."""

from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from calls.models import DeadLetter, WebhookEvent
from calls.models.dead_letter import Cause
from calls.phone import mask_numbers
from calls.states import Status
from tests.factories import client_of, make_call

pytestmark = pytest.mark.django_db

NUMBER = "+12025550123"
ROOM = f"call-_{NUMBER}_x7Rq"
LISTS = ["/admin/", "/admin/calls/call/", "/admin/calls/deadletter/", "/admin/calls/webhookevent/", "/api/calls/"]


@pytest.fixture
def _a_caller_in_every_list() -> None:
    call = make_call(Status.QUEUED, caller_number=NUMBER, caller_identity=f"sip_{NUMBER}", room_name=ROOM)
    DeadLetter.objects.create(digest="1", call=call, cause=Cause.REFUSED)
    WebhookEvent.objects.create(
        event_id="EV_1", kind="participant_joined", room_name=ROOM, participant=f"sip_{NUMBER}", sent_at=timezone.now()
    )


def whole(page: str) -> bool:
    return any(number in page for number in (NUMBER, "+1 202 555 0123", "2025550123"))


@pytest.mark.usefixtures("_a_caller_in_every_list")
@pytest.mark.parametrize("path", LISTS)
def test_lists_mask_numbers_for_viewers_only(path: str) -> None:
    viewed, supervised = client_of("Viewers").get(path), client_of("Supervisors").get(path)

    if viewed.status_code == 200:
        assert not whole(viewed.content.decode())
        assert "+12…23" in viewed.content.decode()
    else:
        assert viewed.status_code == 403
    assert whole(supervised.content.decode())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ROOM, "call-_+12…23_x7Rq"),
        ("sip_+12025550123", "sip_+12…23"),
        ("call-_12025550123_a", "call-_120…23_a"),
        ("call-5f3a20255501aa", "call-5f3a20255501aa"),
        ("", ""),
    ],
)
def test_the_number_in_a_name_is_masked_and_nothing_else(text: str, shown: str) -> None:
    assert mask_numbers(text) == shown


def test_the_log_of_a_refused_request_has_no_number_and_no_query(caplog: pytest.LogCaptureFixture) -> None:
    Client().post(f"/manual/dispatch?room={quote(ROOM)}")
    Client().get(f"/api/calls/{quote(ROOM)}/")

    assert "POST /manual/dispatch'" in caplog.text
    assert "2025550123" not in caplog.text


@pytest.mark.usefixtures("_a_caller_in_every_list")
def test_the_choices_of_a_field_mask_numbers() -> None:
    asked = {"app_label": "calls", "model_name": "turn", "field_name": "call", "term": ""}
    assert not whole(client_of("Viewers").get("/admin/autocomplete/", asked).content.decode())
