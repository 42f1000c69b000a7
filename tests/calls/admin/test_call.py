"""Calls in the admin: found, read, and never changed."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from calls.admin.call import CallAdmin
from calls.models import Call, CallEvent, Turn, WebhookEvent
from calls.reporting.short_text import short_time
from calls.states import Direction, EndReason, Status
from tests.factories import client_of, make_call, make_event, make_number, make_persona, make_turn, make_turns

pytestmark = pytest.mark.django_db

LIST = "/admin/calls/call/"


def _url(call: Call) -> str:
    return reverse("admin:calls_call_change", args=[call.pk])


def _listed(client: Client, **parameters: Any) -> set[Call]:
    response = client.get(LIST, parameters)
    assert response.status_code == 200
    return set(response.context["cl"].result_list)


@pytest.mark.parametrize("status", list(Status))
def test_a_calls_page_reads_from_the_sentence_to_the_identifiers(status: Status) -> None:
    call = make_call(status, sip_call_id="SCL_1")
    make_turns(call, "Hello, this is Anna.", "What time do you open?", "At nine.")
    CallEvent.objects.bulk_create([make_event(call, "tool_called", detail={"tool": "find_order"})])
    page = client_of("Viewers").get(_url(call)).content.decode()
    order = ["+1 202 555 0199 called", "Hello, this is Anna.", 'cc-reply-good">580 ms', "Tool called", "SCL_1"]
    assert [page.index(text) for text in order] == sorted(page.index(text) for text in order)


def test_a_calls_page_says_that_nobody_was_understood_or_heard_and_whose_fault_it_was() -> None:
    call = make_call(Status.IN_PROGRESS)
    deaf = make_event(call, "recognizer_deaf", detail={"provider": "deepgram", "target": "nova-3 at stt.example"})
    mute = make_event(call, "voice_mute", detail={"provider": "cartesia", "target": "sonic-3 at tts.example"})
    CallEvent.objects.bulk_create([deaf, mute])
    page = client_of("Viewers").get(_url(call)).content.decode()
    assert "The caller spoke and no words came: speech recognition was restarted" in page
    assert "nova-3 at stt.example" in page
    assert "The agent had words and no sound came: the voice was restarted" in page
    assert "sonic-3 at tts.example" in page


def test_what_a_caller_says_is_text_and_never_markup() -> None:
    call = make_call(Status.COMPLETED)
    make_turn(call, 2, "<script>alert(1)</script>").save()
    CallEvent.objects.bulk_create([make_event(call, "note", detail={"<b>k</b>": "<img src=x>"})])
    page = client_of(superuser=True).get(_url(call)).content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<img src=x>" not in page
    assert "<b>k</b>" not in page


def test_an_interrupted_reply_is_marked_and_its_stages_are_drawn() -> None:
    call = make_call(Status.COMPLETED)
    make_turn(call, 3, "We are open", interrupted=True).save()
    page = client_of("Viewers").get(_url(call)).content.decode()
    assert ">interrupted<" in page
    assert "End of turn 250 ms, Speech to text 30 ms, Language model 150 ms, Text to speech 120 ms" in page


def test_only_a_live_calls_page_reloads_itself() -> None:
    client = client_of("Viewers")
    assert "every 3s" in client.get(_url(make_call(Status.IN_PROGRESS))).content.decode()
    assert "every 3s" not in client.get(_url(make_call(Status.COMPLETED))).content.decode()


def test_history_cannot_be_added_edited_or_deleted_by_a_superuser() -> None:
    call = make_call(Status.COMPLETED)
    make_turns(call, "Hello.")
    webhook = WebhookEvent.objects.create(event_id="EV_1", kind="room_started", sent_at=timezone.now())
    client = client_of(superuser=True)
    for model, row in (("call", call), ("webhookevent", webhook)):
        assert client.get(f"/admin/calls/{model}/add/").status_code == 403
        assert client.post(f"/admin/calls/{model}/{row.pk}/change/", {"status": "queued"}).status_code == 403
        assert client.post(f"/admin/calls/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        client.post(f"/admin/calls/{model}/", {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    for model in ("turn", "callevent"):
        assert client.get(f"/admin/calls/{model}/").status_code == 404
    assert (Call.objects.count(), Turn.objects.count(), WebhookEvent.objects.count()) == (1, 1, 1)


def test_a_number_with_calls_cannot_be_deleted() -> None:
    call = make_call(Status.COMPLETED)
    client_of(superuser=True).post(f"/admin/calls/phonenumber/{call.phone_number_id}/delete/", {"post": "yes"})
    assert Call.objects.filter(phone_number__isnull=False).exists()


def test_staff_without_a_group_sees_no_calls() -> None:
    call = make_call(Status.COMPLETED)
    client = client_of()
    assert client.get(_url(call)).status_code == 403
    assert client.get(LIST).status_code == 403
    assert "Recent calls" not in client.get("/admin/").content.decode()


def test_calls_are_filtered_by_status_number_persona_and_day() -> None:
    number = make_number(persona=make_persona())
    today = make_call(Status.COMPLETED, number)
    old = make_call(Status.FAILED, created_at=timezone.now() - timedelta(days=3))
    client = client_of("Viewers")
    day = f"{timezone.localdate() - timedelta(days=3):%Y-%m-%d}"
    assert _listed(client, status__exact=Status.FAILED.value) == {old}
    assert _listed(client, phone_number__id__exact=number.pk) == {today}
    assert _listed(client, persona_version__persona__id__exact=number.persona_id) == {today}
    assert _listed(client, created_at_from=day, created_at_to=day) == {old}
    assert _listed(client, created_at_from="tomorrow") == {today, old}


def test_calls_are_found_by_number_room_sip_id_and_words() -> None:
    call = make_call(Status.COMPLETED, caller_number="+12025550777", sip_call_id="SCL_find", room_name="call-here")
    make_turns(call, "Hello.", "I need a root canal.")
    make_turns(make_call(Status.COMPLETED), "Hello.", "Wrong number.")
    client = client_of("Supervisors")
    for words in ("+1 202 555 0777", "SCL_find", "call-here", "root canal"):
        assert _listed(client, q=words.replace(" 555 ", "555").replace("+1 ", "+1")) == {call}


def test_the_list_takes_as_many_queries_for_many_calls_as_for_few() -> None:
    client = client_of("Viewers")
    number = make_number()
    make_turns(make_call(Status.COMPLETED, number), "Hello.", "Hi.", "Yes?")
    _listed(client)
    with CaptureQueriesContext(
        connection,
    ) as few:
        _listed(client)
    for _ in range(12):
        make_turns(make_call(Status.COMPLETED, number), "Hello.", "Hi.", "Yes?")
    with CaptureQueriesContext(connection) as many:
        assert len(_listed(client)) == 13
    assert len(many) == len(few)


def test_a_row_of_the_list_is_short_whatever_happened() -> None:
    """Ten columns with whole sentences needed 1,700 pixels, and rows of six lines."""
    number = make_number(label="Front desk", persona=make_persona("Anna"))
    for reason in EndReason:
        make_call(Status.COMPLETED, number, end_reason=reason, direction=Direction.OUTBOUND)
    page = client_of("Supervisors").get(LIST).content.decode()
    cells = [html.unescape(strip_tags(cell)) for cell in re.findall(r"<td class=.*?</td>", page, re.DOTALL)]
    assert len(CallAdmin.list_display) <= 8
    assert len(cells) == 7 * len(EndReason)
    assert max(len(cell.strip()) for cell in cells) <= 20
    assert {"to +1 202 555 0199", "Front deskAnna v1"} <= {cell.strip() for cell in cells}


def test_the_whole_reason_of_an_end_is_shown_on_hovering() -> None:
    make_call(Status.FAILED, end_reason=EndReason.PROVIDER_FAILURE)
    page = client_of("Viewers").get(LIST).content.decode()
    assert '<span title="A speech or language provider failed">Provider failed</span>' in page


@pytest.mark.parametrize(("year", "shown"), [(2026, "22 Nov, 13:02"), (2025, "22 Nov 2025, 13:02")])
def test_the_list_leaves_out_the_year_of_today(year: int, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 12, 1, tzinfo=UTC))
    assert short_time(datetime(year, 11, 22, 13, 2, tzinfo=UTC)) == shown


def test_a_status_of_the_dashboard_leads_to_the_calls_that_it_counts() -> None:
    today = make_call(Status.COMPLETED)
    make_call(Status.COMPLETED, created_at=timezone.now() - timedelta(days=2))
    client = client_of("Viewers")
    (bar,) = client.get("/admin/").context["bars"]
    assert set(client.get(bar["url"]).context["cl"].result_list) == {today}


def test_the_list_shows_the_median_reply() -> None:
    call = make_call(Status.COMPLETED)
    for number, reply_ms in ((3, 400), (5, 600), (7, 5000)):
        make_turn(call, number, reply_ms=reply_ms).save()
    assert "600 ms" in client_of("Viewers").get(LIST).content.decode()


def test_the_list_can_be_ordered_by_the_median_reply() -> None:
    calls = {reply_ms: make_call(Status.COMPLETED) for reply_ms in (600, 400, 500)}
    for reply_ms, call in calls.items():
        make_turn(call, 3, reply_ms=reply_ms).save()
    client = client_of("Viewers")
    column = CallAdmin.list_display.index("reply")
    listed = client.get(LIST, {"o": f"{column}"}).context["cl"].result_list
    assert [call.median_reply_ms for call in listed] == [400, 500, 600]
    listed = client.get(LIST, {"o": f"-{column}"}).context["cl"].result_list
    assert [call.pk for call in listed] == [calls[600].pk, calls[500].pk, calls[400].pk]


def test_the_dashboard_counts_today_only() -> None:
    yesterday = timezone.now() - timedelta(days=1)
    number = make_number()
    for status in (Status.COMPLETED, Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.QUEUED):
        make_call(status, number)
    make_call(Status.REJECTED, number, end_reason=EndReason.UNKNOWN_NUMBER)
    make_turns(make_call(Status.FAILED, number, created_at=yesterday), "Hello.", "Hi.", "Yes?")
    day = client_of("Viewers").get("/admin/").context["day"]
    assert (day.live, day.total, day.success_rate, day.median_ms) == (1, 6, 0.75, None)


def test_the_dashboard_of_a_new_installation_is_empty_but_whole() -> None:
    page = client_of("Viewers").get("/admin/").content.decode()
    assert "No calls today." in page
    assert "no reply yet" in page
