"""Who did what is written down, and nobody changes it."""

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client

from access.audit_text import happened, shown_changes
from agents.services import publish
from calls.models import Call, PhoneNumber
from calls.privacy import audit
from calls.states import Status
from tests.factories import client_of, make_call, make_number, make_persona, make_turns, make_user
from tests.security.world import make_world

pytestmark = pytest.mark.django_db


def entries(of: object, action: int) -> list[LogEntry]:
    return list(LogEntry.objects.get_for_object(of).filter(action=action))


def looks() -> list[LogEntry]:
    return list(LogEntry.objects.filter(action=LogEntry.Action.ACCESS))


def said_call() -> Call:
    call = make_call(Status.COMPLETED)
    make_turns(call, "Hello.", "Hi.")
    return call


def test_each_view_of_a_transcript_is_recorded() -> None:
    call = said_call()
    vera = client_of("Viewers", username="vera")

    vera.get(f"/admin/calls/call/{call.pk}/change/")

    [look] = looks()
    assert (look.actor.username, look.object_pk, look.remote_addr) == ("vera", str(call.pk), "127.0.0.1")
    assert look.additional_data == {"what": "viewed the transcript"}
    assert call.room_name not in look.object_repr


def test_a_page_that_reloads_itself_counts_once_per_person() -> None:
    call = said_call()
    vera, otto = client_of("Viewers", username="vera"), client_of("Viewers", username="otto")

    for client in (vera, vera, vera, otto):
        client.get(f"/admin/calls/call/{call.pk}/change/")

    assert sorted(look.actor.username for look in looks()) == ["otto", "vera"]


def test_a_page_without_a_transcript_is_not_recorded() -> None:
    client_of("Viewers").get(f"/admin/calls/call/{make_call(Status.MISSED).pk}/change/")

    assert looks() == []


def test_access_by_the_api_is_recorded_with_its_query() -> None:
    call = said_call()
    client = client_of("Viewers", username="vera")

    client.get(f"/api/calls/{call.pk}/")
    client.get("/api/turns/", {"call": str(call.pk)})
    client.get(f"/api/turns/{call.turns.get(number=1).pk}/")

    of_call, of_list = sorted(looks(), key=lambda look: look.timestamp)
    assert (of_call.object_pk, of_call.actor.username) == (str(call.pk), "vera")
    assert of_list.additional_data == {"what": "viewed the transcript", "call": str(call.pk)}


def test_nobody_writes_into_the_record_of_its_own_access() -> None:
    said_call()
    client_of("Viewers").get("/api/turns", {"what": "changed label", "speaker": "agent", "note": "n" * 1000})

    (look,) = looks()
    assert look.additional_data == {"what": "viewed the transcript", "speaker": "agent"}


def test_who_may_not_read_what_was_said_does_not() -> None:
    call = said_call()
    user = make_user("", "calls.view_call", is_staff=True)
    client = Client()
    client.force_login(user)

    page = client.get(f"/admin/calls/call/{call.pk}/change/").content.decode()

    assert "You do not have permission to read the transcript." in page
    assert "Hi." not in page
    assert client.get(f"/api/calls/{call.pk}/").json()["turns"] == []
    assert client.get("/api/turns/").status_code == 403
    assert client.get("/admin/calls/call/", {"q": "Hi"}).context["cl"].result_count == 0
    assert looks() == []


def test_an_edit_is_recorded_with_both_values() -> None:
    number = make_number(label="Front desk")
    form = {
        **{"e164": number.e164, "label": "Reception", "persona": number.persona_id, "max_calls": 10, "ring_time_s": 30},
        **{"overflow": "message", "overflow_message": number.overflow_message, "is_active": "on"},
        **{"after_hours": "message", "after_hours_message": number.after_hours_message},
    }

    client_of(superuser=True, username="sofia").post(f"/admin/calls/phonenumber/{number.pk}/change/", form)

    [entry] = entries(number, LogEntry.Action.UPDATE)
    assert entry.actor.username == "sofia"
    assert ("label", "Front desk", "Reception") in list(shown_changes(entry))


def test_publishing_and_deleting_are_recorded() -> None:
    persona = make_persona(published=False)
    publish(persona)
    number = make_number(persona=persona)
    key = number.pk
    client_of(superuser=True).post(f"/admin/calls/phonenumber/{key}/delete/", {"post": "yes"})

    assert any("live_version" in (entry.changes or {}) for entry in entries(persona, LogEntry.Action.UPDATE))
    deleted = LogEntry.objects.get_for_model(PhoneNumber).get(action=LogEntry.Action.DELETE)
    assert deleted.object_id == key


def test_more_rights_for_somebody_are_recorded_and_passwords_are_not() -> None:
    user = make_user("otto", password="correct horse battery")
    user.groups.add(Group.objects.get(name="Supervisors"))
    user.set_password("another correct horse")
    user.save()

    text = str([entry.changes for entry in LogEntry.objects.get_for_object(user)])
    assert "Supervisors" in text
    assert user.password not in text
    assert User.objects.get(pk=user.pk).password not in text


def test_what_is_no_edit_can_be_written_down_in_words() -> None:
    call = make_call(Status.IN_PROGRESS)

    audit.record(make_user("sofia"), call, "hung up", reason="asked for")

    [entry] = entries(call, LogEntry.Action.UPDATE)
    assert (happened(entry), list(shown_changes(entry))) == ("hung up", [("reason", "", "asked for")])


def test_nobody_changes_the_log_in_the_admin() -> None:
    make_world()
    entry = LogEntry.objects.latest("timestamp")
    client = client_of(superuser=True)
    before = LogEntry.objects.count()
    page = f"/admin/auditlog/logentry/{entry.pk}"

    assert client.get(f"{page}/change/").status_code == 200
    assert client.post(f"{page}/change/", {"object_repr": "nothing"}).status_code == 403
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/auditlog/logentry/add/").status_code == 403
    marked = {"action": "delete_selected", "_selected_action": entry.pk, "post": "yes"}
    client.post("/admin/auditlog/logentry/", marked)
    assert LogEntry.objects.count() >= before
    assert LogEntry.objects.filter(pk=entry.pk, object_repr=entry.object_repr).exists()


def test_webhooks_cost_the_log_nothing() -> None:
    Client().post("/webhooks/livekit", b"{}", content_type="application/webhook+json")

    assert not LogEntry.objects.exists()
