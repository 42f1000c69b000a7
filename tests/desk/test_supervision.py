"""What supervisors may do in a live call, and what stands written afterwards."""

import uuid
from collections.abc import Callable
from typing import Any

import aiohttp
import jwt
import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from calls.livekit import supervisors
from calls.models import Call, Supervision
from calls.states import Floor, Status
from tests.calls.conftest import Deliver
from tests.factories import client_of, make_call, make_user, webhook_request

pytestmark = pytest.mark.django_db

ACTIONS = {
    "listen": {},
    "whisper": {"text": "Offer Tuesday."},
    "take-over": {"identity": "supervisor-1"},
    "hand-back": {"note": "All is agreed."},
    "notes": {"text": "Call back."},
}


class LiveKit:
    """What the call center asks of it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.speaks: list[str] = []
        self.is_away = False
        self.is_gone = False

    async def have_agent_look(self, room_name: str, attempt: int) -> None:
        if self.is_away:
            raise aiohttp.ClientConnectionError
        self.told.append((room_name, attempt))

    async def let_speak(self, _room_name: str, identity: str) -> bool:
        if self.is_away:
            raise aiohttp.ClientConnectionError
        self.speaks.append(identity)
        return not self.is_gone


@pytest.fixture(autouse=True)
def livekit(monkeypatch: pytest.MonkeyPatch) -> LiveKit:
    livekit = LiveKit()
    monkeypatch.setattr(supervisors, "have_agent_look", livekit.have_agent_look)
    monkeypatch.setattr(supervisors, "let_speak", livekit.let_speak)
    return livekit


@pytest.fixture
def supervisor() -> Client:
    return client_of("Supervisors", username="ada")


@pytest.fixture
def call() -> Call:
    return make_call(Status.IN_PROGRESS)


Post = Callable[..., Any]


@pytest.fixture
def post(supervisor: Client, call: Call) -> Post:
    def post(action: str, body: dict[str, Any] | None = None, client: Client = supervisor, pk: object = None) -> Any:
        path = f"/api/calls/{pk or call.pk}/{action}"
        return client.post(path, ACTIONS[action] if body is None else body, content_type="application/json")

    return post


def listens(call: Call, username: str = "ada", identity: str = "supervisor-1") -> str:
    user = User.objects.filter(username=username).first() or make_user(username)
    Supervision.objects.create(call=call, user=user, identity=identity, joined_at=timezone.now())
    return identity


def events(call: Call, kind: str) -> list[dict[str, Any]]:
    return list(call.events.filter(kind=kind).values_list("detail", flat=True))


def audited() -> list[str]:
    return [entry.additional_data["what"] for entry in LogEntry.objects.exclude(additional_data=None)]


@pytest.mark.parametrize("action", ACTIONS)
class TestWhoMay:
    def test_others_may_not(self, post: Post, action: str, call: Call) -> None:
        listens(call)

        assert post(action, client=client_of("Viewers")).status_code == 403
        assert post(action, client=Client()).status_code == 401
        assert not call.events.exists()

    def test_a_call_that_is_not_known_is_not_found(self, post: Post, action: str) -> None:
        assert post(action, pk=uuid.uuid4()).status_code == 404

    def test_a_body_of_another_shape_is_refused(self, post: Post, action: str) -> None:
        if action != "listen":
            assert post(action, {name: ["x"] for name in ACTIONS[action]}).status_code == 400


class TestListening:
    def test_the_ticket_hears_everything_and_is_neither_seen_nor_heard(self, post: Post, call: Call) -> None:
        answer = post("listen")

        assert answer.status_code == 200
        told = answer.json()
        claims = jwt.decode(told["token"], options={"verify_signature": False})
        video = claims["video"]
        assert (video["room"], video["hidden"], video["canSubscribe"]) == (call.room_name, True, True)
        assert (video["canPublish"], video["canPublishData"]) == (False, False)
        assert claims["sub"] == told["identity"]
        assert claims["exp"] - claims["nbf"] <= 30

    def test_it_is_audited_and_shown_on_the_calls_page(self, post: Post, call: Call) -> None:
        post("listen")

        assert audited() == ["listened"]
        assert events(call, "supervisor_listens") == [{"by": "ada"}]

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.CONNECTING, Status.COMPLETED])
    def test_there_is_nothing_to_hear_where_nobody_talks(self, post: Post, status: Status) -> None:
        answer = post("listen", pk=make_call(status).pk)

        assert answer.status_code == 409
        assert "Nobody is talking" in answer.json()["detail"]
        assert not Supervision.objects.exists()

    def test_webhooks_say_who_is_there(self, post: Post, deliver: Deliver, call: Call) -> None:
        person = {"identity": post("listen").json()["identity"]}
        assert not Supervision.objects.present().exists()

        deliver(webhook_request("participant_joined", call.room_name, person))
        assert Supervision.objects.present().count() == 1

        deliver(webhook_request("participant_left", call.room_name, person))
        assert not Supervision.objects.present().exists()

    def test_a_supervisor_is_no_caller(self, post: Post, deliver: Deliver, call: Call) -> None:
        person = {"identity": post("listen").json()["identity"]}
        deliver(webhook_request("participant_joined", call.room_name, person))
        deliver(webhook_request("participant_left", call.room_name, person))

        call.refresh_from_db()
        assert (call.status, Call.objects.count()) == (Status.IN_PROGRESS, 1)


class TestWhispering:
    def test_the_agent_is_told_to_look_at_what_is_written(self, post: Post, call: Call, livekit: LiveKit) -> None:
        assert post("whisper", {"text": "Offer Tuesday.", "say_now": True}).status_code == 204

        assert events(call, "whispered") == [{"by": "ada", "text": "Offer Tuesday.", "say_now": "True"}]
        assert livekit.told == [(call.room_name, 1)]
        assert audited() == ["whispered to the agent"]

    def test_an_agent_that_is_not_there_finds_it_later(self, post: Post, call: Call, livekit: LiveKit) -> None:
        livekit.is_away = True

        assert post("whisper").status_code == 204
        assert len(events(call, "whispered")) == 1

    @pytest.mark.parametrize("text", ["", "   ", "x" * 1001, "\x00"])
    def test_what_is_no_whisper_is_refused_by_name(self, post: Post, call: Call, text: str) -> None:
        answer = post("whisper", {"text": text})

        assert answer.status_code == 400
        assert "text" in answer.json()
        assert not call.events.exists()

    def test_nobody_whispers_to_an_agent_that_does_not_speak(self, post: Post, call: Call) -> None:
        Call.objects.update(floor=Floor.SUPERVISOR, floor_identity="supervisor-2")

        assert post("whisper").status_code == 409


class TestTakingOver:
    def test_the_row_says_who_speaks_before_anybody_is_told(self, post: Post, call: Call, livekit: LiveKit) -> None:
        identity = listens(call)

        assert post("take-over").status_code == 204

        call.refresh_from_db()
        assert (call.floor, call.floor_identity) == (Floor.SUPERVISOR, identity)
        assert events(call, "taken_over") == [{"by": "ada"}]
        assert (livekit.told, livekit.speaks) == ([(call.room_name, 1)], [identity])
        assert audited() == ["took the call over"]

    def test_the_second_supervisor_is_told_that_somebody_has_it(self, post: Post, call: Call) -> None:
        listens(call, "bob", "supervisor-2")
        Call.objects.update(floor=Floor.SUPERVISOR, floor_identity="supervisor-2")
        listens(call)

        answer = post("take-over")

        assert answer.status_code == 409
        assert "another supervisor" in answer.json()["detail"]
        call.refresh_from_db()
        assert call.floor_identity == "supervisor-2"

    def test_nobody_takes_over_with_anothers_browser(self, post: Post, call: Call) -> None:
        listens(call, "bob")

        assert post("take-over").status_code == 409
        assert not events(call, "taken_over")

    @pytest.mark.parametrize("fault", ["is_away", "is_gone"])
    def test_the_agent_keeps_the_call_when_the_supervisor_cannot_speak(
        self, post: Post, call: Call, livekit: LiveKit, fault: str
    ) -> None:
        listens(call)
        setattr(livekit, fault, True)

        assert post("take-over").status_code == (503 if fault == "is_away" else 409)

        call.refresh_from_db()
        assert call.floor == Floor.AGENT
        assert len(events(call, "handed_back")) == 1

    def test_a_call_that_is_over_cannot_be_taken(self, post: Post, call: Call) -> None:
        listens(call)
        Call.objects.update(status=Status.COMPLETED, ended_at=timezone.now(), end_reason="caller_left")

        assert post("take-over").status_code == 409


class TestHandingBack:
    def test_the_agent_has_the_call_and_the_note(self, post: Post, call: Call, livekit: LiveKit) -> None:
        Call.objects.update(floor=Floor.SUPERVISOR, floor_identity="supervisor-1")

        assert post("hand-back").status_code == 204

        call.refresh_from_db()
        assert (call.floor, call.floor_identity) == (Floor.AGENT, "")
        assert events(call, "handed_back") == [{"by": "ada", "note": "All is agreed."}]
        assert livekit.told == [(call.room_name, 1)]

    def test_a_note_is_not_needed(self, post: Post) -> None:
        Call.objects.update(floor=Floor.SUPERVISOR, floor_identity="supervisor-1")

        assert post("hand-back", {}).status_code == 204

    def test_what_the_agent_has_is_not_handed_back(self, post: Post, call: Call) -> None:
        assert post("hand-back").status_code == 409
        assert not call.events.exists()


def test_a_note_stands_on_a_call_that_is_over_too(post: Post, supervisor: Client) -> None:
    call = make_call(Status.COMPLETED)

    assert post("notes", pk=call.pk).status_code == 204

    assert events(call, "note") == [{"by": "ada", "text": "Call back."}]
    assert "Call back." in supervisor.get(f"/admin/calls/call/{call.pk}/change/").content.decode()


def test_who_may_not_read_words_sees_no_notes(post: Post) -> None:
    call = make_call(Status.COMPLETED)
    post("notes", pk=call.pk)
    reader = Client()
    reader.force_login(make_user("", "calls.view_call", is_staff=True))

    page = reader.get(f"/admin/calls/call/{call.pk}/change/").content.decode()

    assert "ada" in page
    assert "Call back." not in page
