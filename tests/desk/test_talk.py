"""Who may talk to whom in the browser, and what becomes of the call."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from access import throttling
from agents import services
from agents.models import Persona, PersonaVersion
from calls.livekit import browser
from calls.models import Call
from calls.reporting import aggregates
from calls.reporting.narrative import tell
from calls.states import EndReason, Status
from tests.calls.conftest import Deliver
from tests.factories import (
    client_of,
    make_call,
    make_hours,
    make_number,
    make_persona,
    make_turns,
    new_room,
    webhook_request,
)

pytestmark = pytest.mark.django_db

PAGE = "/desk/talk/"
START = "/desk/talk/start/"


@pytest.fixture
def supervisor() -> Client:
    return client_of("Supervisors")


def claims(answer: Any) -> dict[str, Any]:
    """What the token says."""
    assert answer.status_code == 200, answer.content
    return dict(jwt.decode(answer.json()["token"], options={"verify_signature": False}))


class TestThePage:
    def test_it_uses_the_microphone_and_reaches_livekit_and_nothing_else(
        self, supervisor: Client, settings: Settings
    ) -> None:
        settings.LIVEKIT_PUBLIC_URL = "wss://livekit.example.com:8443"
        answer = supervisor.get(PAGE, {"persona": make_persona("Anna").pk})

        assert "Call Anna" in answer.content.decode()
        assert "microphone=(self)" in answer["Permissions-Policy"]
        assert "camera=()" in answer["Permissions-Policy"]
        policy = answer["Content-Security-Policy"]
        origins = "'self' wss://livekit.example.com:8443 https://livekit.example.com:8443"
        assert f"connect-src {origins};" in f"{policy};"

    def test_other_pages_use_no_microphone(self, supervisor: Client) -> None:
        assert "microphone=()" in supervisor.get("/admin/")["Permissions-Policy"]

    @pytest.mark.parametrize(
        "asked", [{}, {"persona": "999"}, {"persona": "x"}, {"persona": "9" * 400}, {"version": ""}, {"number": "-1"}]
    )
    def test_nobody_is_not_found(self, supervisor: Client, asked: dict[str, str]) -> None:
        assert supervisor.get(PAGE, asked).status_code == 404

    def test_who_may_not_talk_gets_neither_page_nor_ticket(self) -> None:
        viewer, asked = client_of("Viewers"), {"persona": make_persona().pk}

        assert viewer.get(PAGE, asked).status_code == 403
        assert viewer.post(START, asked).status_code == 403
        assert Client().get(PAGE, asked)["Location"].startswith(reverse("admin:login"))

    @pytest.mark.parametrize("page", ["agents_persona", "agents_personaversion", "calls_phonenumber"])
    def test_a_button_leads_to_it(self, supervisor: Client, page: str) -> None:
        number = make_number()
        version = number.persona.live_version
        assert version is not None
        row = {"agents_persona": number.persona, "agents_personaversion": version, "calls_phonenumber": number}[page]
        kind = {"agents_persona": "persona", "agents_personaversion": "version", "calls_phonenumber": "number"}[page]
        button = reverse(f"admin:{page}_talk_view", args=[row.pk])

        assert button in supervisor.get(reverse(f"admin:{page}_change", args=[row.pk])).content.decode()
        answer = supervisor.get(button, follow=True)
        assert answer.redirect_chain[-1][0] == f"{PAGE}?{kind}={row.pk}"
        assert f"Call {number.persona.name}" in answer.content.decode()


class TestTheTicket:
    def test_it_opens_one_new_room_to_a_microphone(self, supervisor: Client, settings: Settings) -> None:
        settings.LIVEKIT_PUBLIC_URL = "wss://livekit.example.com"
        asked = {"persona": make_persona().pk}
        first, second = (supervisor.post(START, asked) for _ in range(2))

        assert first.json()["url"] == "wss://livekit.example.com"
        assert first.json()["room"] != second.json()["room"]
        told = claims(first)
        assert told["video"]["room"] == first.json()["room"]
        assert told["video"]["canPublishSources"] == ["microphone"]
        assert told["video"]["canUpdateOwnMetadata"] is False
        assert told["exp"] - told["nbf"] == browser.JOINS_WITHIN.total_seconds()

    def test_a_draft_is_frozen_as_it_is_and_callers_do_not_hear_it(self, supervisor: Client) -> None:
        persona = make_persona("Anna", greeting="Published.")
        persona.greeting = "Drafted."
        persona.save()

        tried = [claims(supervisor.post(START, {"persona": persona.pk}))["attributes"] for _ in range(2)]

        persona.refresh_from_db()
        version = PersonaVersion.objects.get(pk=tried[0][browser.VERSION])
        assert (version.greeting, version.number, str(version)) == ("Drafted.", None, "Anna draft")
        assert tried[0] == tried[1]
        assert persona.live_version is not None
        assert persona.live_version.greeting == "Published."
        assert services.publish(persona).number == 2

    def test_a_draft_without_changes_is_the_live_version(self, supervisor: Client) -> None:
        persona = make_persona()
        told = claims(supervisor.post(START, {"persona": persona.pk}))
        assert told["attributes"] == {browser.VERSION: str(persona.live_version_id)}

    def test_a_persona_that_was_never_published_can_be_talked_to(self, supervisor: Client) -> None:
        persona = make_persona(published=False)
        claims(supervisor.post(START, {"persona": persona.pk}))
        persona.refresh_from_db()
        assert persona.live_version is None

    def test_a_draft_that_would_not_work_is_refused_in_words(self, supervisor: Client, settings: Settings) -> None:
        settings.ELEVENLABS_API_KEY = ""
        answer = supervisor.post(START, {"persona": make_persona(published=False).pk})
        assert answer.status_code == 400
        assert "set ELEVENLABS_API_KEY" in answer.json()["error"]
        assert not PersonaVersion.objects.exists()

    def test_a_number_that_rejects_calls_rejects_this_one(self, supervisor: Client) -> None:
        number = make_number("+12025550100", is_active=False)
        answer = supervisor.post(START, {"number": number.pk})
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": f"+1 202 555 0100 cannot be answered: {EndReason.INACTIVE_NUMBER.label}."},
        )

    def test_it_is_in_the_audit_log(self, supervisor: Client) -> None:
        persona = make_persona()
        supervisor.post(START, {"persona": persona.pk})
        entry = LogEntry.objects.get(additional_data__what="called from the browser")
        assert entry.object_id == persona.pk

    def test_tickets_are_limited(self, supervisor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(throttling.WriteThrottle, "allow_request", lambda *_: False)
        assert supervisor.post(START, {"persona": make_persona().pk}).status_code == 429


def joins(deliver: Deliver, attributes: dict[str, str], identity: str = "browser-1-ab") -> Call:
    """A browser joins its room; returns the call that comes of it."""
    room = new_room()
    participant = {"identity": identity, "kind": "STANDARD", "attributes": attributes}
    status, _ = deliver(webhook_request("participant_joined", room, participant))
    assert status == 200
    return Call.objects.get(room_name=room)


class TestTheCall:
    def test_a_version_answers_without_a_number(self, deliver: Deliver) -> None:
        version = make_persona("Anna").live_version
        assert version is not None
        call = joins(deliver, {browser.VERSION: str(version.pk)})

        assert (call.status, call.is_test, call.persona_version) == (Status.QUEUED, True, version)
        assert call.rings_until is not None
        assert tell(call).startswith("Someone in a browser called Anna on ")

    def test_a_number_is_answered_as_for_its_callers(self, deliver: Deliver) -> None:
        number = make_number("+12025550100")
        call = joins(deliver, {browser.CALLED: "+12025550100"})

        assert (call.status, call.is_test, call.phone_number) == (Status.QUEUED, True, number)
        assert call.persona_version == number.persona.live_version

    def test_a_number_is_closed_as_for_its_callers(self, deliver: Deliver) -> None:
        make_number("+12025550100", opening_hours=make_hours())
        call = joins(deliver, {browser.CALLED: "+12025550100"})

        assert (call.status, call.end_reason, call.is_test) == (Status.REJECTED, EndReason.AFTER_HOURS, True)

    def test_a_version_is_open_at_any_time(self, deliver: Deliver) -> None:
        number = make_number(opening_hours=make_hours())
        call = joins(deliver, {browser.VERSION: str(number.persona.live_version_id)})

        assert (call.status, call.after_hours) == (Status.QUEUED, False)

    def test_a_version_that_is_gone_answers_nobody(self, deliver: Deliver) -> None:
        call = joins(deliver, {browser.VERSION: "999"})
        assert (call.status, call.end_reason) == (Status.REJECTED, EndReason.NO_LIVE_PERSONA)

    def test_a_telephone_cannot_say_that_it_is_a_browser(self, deliver: Deliver) -> None:
        make_number("+12025550100")
        version = make_persona("Secret").live_version
        assert version is not None
        room = new_room()
        attributes = {"sip.trunkPhoneNumber": "+12025550100", browser.VERSION: str(version.pk)}
        deliver(
            webhook_request("participant_joined", room, {"identity": "sip_1", "kind": "SIP", "attributes": attributes})
        )

        call = Call.objects.get(room_name=room)
        assert not call.is_test
        assert call.persona_version != version

    def test_it_is_left_out_of_the_statistics(self) -> None:
        number = make_number()
        make_call(Status.COMPLETED, number)
        tested = make_call(Status.FAILED, number, is_test=True)
        make_turns(tested, "Hello.", "Hello?", "How can I help?")

        day = aggregates.today()

        assert (day.total, day.success_rate) == (1, 1.0)
        assert day.median_ms is None


class TestTheTranscript:
    def test_it_is_shown_to_who_talks(self) -> None:
        client = client_of("Supervisors", username="ann")
        user = client.session["_auth_user_id"]
        call = make_call(Status.IN_PROGRESS, is_test=True, caller_identity=f"{browser.identity_prefix(int(user))}1")
        make_turns(call, "Hello, this is Anna.", "What are your hours?", "From nine to five.")

        page = client.get(f"{PAGE}{call.room_name}/").content.decode()

        assert "From nine to five." in page
        assert 'data-call-status="in_progress"' in page
        assert "data-over" not in page

    def test_nobody_elses_call_is_shown(self) -> None:
        client = client_of("Supervisors")
        call = make_call(Status.IN_PROGRESS, is_test=True, caller_identity="browser-999-1")
        make_turns(call, "Hello, this is Anna.")

        page = client.get(f"{PAGE}{call.room_name}/").content.decode()

        assert "Anna" not in page
        assert 'data-call-status="joining"' in page

    def test_the_end_is_told_with_a_link_to_the_calls_page(self) -> None:
        client = client_of("Supervisors")
        user = int(client.session["_auth_user_id"])
        call = make_call(Status.COMPLETED, is_test=True, caller_identity=f"{browser.identity_prefix(user)}1")

        page = client.get(f"{PAGE}{call.room_name}/").content.decode()

        assert "data-over" in page
        assert reverse("admin:calls_call_change", args=[call.pk]) in page

    @pytest.mark.parametrize(("ended_s", "over"), [(1, False), (26, True)])
    def test_a_browser_stays_until_it_has_heard_that_the_number_is_closed(self, ended_s: int, over: bool) -> None:
        client = client_of("Supervisors")
        user = int(client.session["_auth_user_id"])
        call = make_call(
            Status.REJECTED,
            is_test=True,
            end_reason=EndReason.AFTER_HOURS,
            ended_at=timezone.now() - timedelta(seconds=ended_s),
            caller_identity=f"{browser.identity_prefix(user)}1",
        )

        page = client.get(f"{PAGE}{call.room_name}/").content.decode()

        assert ("data-over" in page) is over


def test_versions_are_listed_without_the_drafts_that_were_tried() -> None:
    persona = make_persona("Anna")
    Persona.objects.filter(pk=persona.pk).update(greeting="Another.")
    draft = services.try_draft(persona)
    client = client_of("Supervisors")

    page = client.get(reverse("admin:agents_personaversion_changelist")).content.decode()
    assert "Anna v1" in page
    assert "Anna draft" not in page

    change = reverse("admin:agents_personaversion_change", args=[draft.pk])
    assert "Callers do not hear it" in client.get(change).content.decode()
    assert client.get(reverse("admin:agents_personaversion_compare_view", args=[draft.pk])).status_code == 200
    assert client.post(reverse("admin:agents_personaversion_roll_back_view", args=[draft.pk])).status_code == 302
    persona.refresh_from_db()
    assert persona.live_version != draft
