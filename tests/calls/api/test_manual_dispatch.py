"""Sending an agent by hand: to whom, once, and what is refused."""

from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from auditlog.models import LogEntry
from django.test import Client
from livekit.api import ParticipantInfo
from pytest_django import DjangoCaptureOnCommitCallbacks

from calls.livekit import rooms
from calls.models import Call, PhoneNumber
from calls.states import Status
from tests.calls.conftest import Deliver, SentMessages
from tests.factories import caller, make_call, make_number, make_persona, make_user, new_room, webhook_request

pytestmark = pytest.mark.django_db

IDENTITY = "sip_+12025550123"


@pytest.fixture
def number() -> PhoneNumber:
    return make_number("+12025550100")


@pytest.fixture
def dispatcher() -> Client:
    client = Client()
    client.force_login(make_user("", "calls.dispatch_call", "calls.view_caller_number"))
    return client


class Present(dict[tuple[str, str], ParticipantInfo]):
    """Who is in which room of LiveKit."""

    async def ask(self, room: str, identity: str) -> ParticipantInfo | None:
        return self.get((room, identity))


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> Present:
    people = Present()
    monkeypatch.setattr(rooms, "participant", people.ask)
    return people


@pytest.fixture
def room(present: Present) -> str:
    """A room with a waiting telephone caller whom no webhook reported."""
    name = new_room()
    attributes = caller("+12025550100")["attributes"]
    present[name, IDENTITY] = ParticipantInfo(identity=IDENTITY, kind=ParticipantInfo.Kind.SIP, attributes=attributes)
    return name


def dispatch(client: Client, **query: str) -> Any:
    return client.post(
        f"/manual/dispatch?{'&'.join(f'{name}={value}' for name, value in query.items())}".replace("+", "%2B")
    )


def test_an_agent_is_sent_to_a_caller_whom_no_webhook_reported(
    dispatcher: Client,
    room: str,
    number: PhoneNumber,
    sent: SentMessages,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = dispatch(dispatcher, room=room, participant_identity=IDENTITY)

    call = Call.objects.get()
    assert (response.status_code, response.json()["id"]) == (202, str(call.pk))
    assert (call.status, call.room_name, call.caller_identity) == (Status.QUEUED, room, IDENTITY)
    assert (call.phone_number, call.caller_number) == (number, "+12025550123")
    assert sent.to("workers.run_call") == [str(call.pk)]
    assert LogEntry.objects.get_for_object(call).get().additional_data["what"] == "dispatched an agent manually"


def test_a_room_that_has_a_call_answers_with_it_and_nothing_is_sent(
    dispatcher: Client, room: str, number: PhoneNumber, sent: SentMessages
) -> None:
    first = dispatch(dispatcher, room=room, participant_identity=IDENTITY)

    again = [dispatch(dispatcher, room=room, participant_identity=who) for who in (IDENTITY, "somebody")]

    assert [answer.status_code for answer in again] == [200, 200]
    assert {answer.json()["id"] for answer in (first, *again)} == {str(Call.objects.get().pk)}
    assert sent == []


def test_a_call_that_is_over_is_not_begun_again(dispatcher: Client, room: str, number: PhoneNumber) -> None:
    call = make_call(Status.COMPLETED, number, room_name=room)

    response = dispatch(dispatcher, room=room, participant_identity=IDENTITY)

    assert (response.status_code, response.json()["id"], response.json()["status"]) == (200, str(call.pk), "completed")


def test_the_webhook_that_comes_late_changes_nothing(
    dispatcher: Client, room: str, number: PhoneNumber, deliver: Deliver
) -> None:
    dispatch(dispatcher, room=room, participant_identity=IDENTITY)

    _, answer = deliver(webhook_request("participant_joined", room, caller("+12025550100")))

    assert answer["outcome"] == "call exists"
    assert Call.objects.count() == 1


def test_a_webhook_that_is_faster_wins(
    dispatcher: Client, number: PhoneNumber, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = new_room()

    async def meanwhile(*_: str) -> ParticipantInfo:
        return ParticipantInfo(identity=IDENTITY, attributes=caller("+12025550100")["attributes"])

    monkeypatch.setattr(rooms, "participant", meanwhile)
    from calls.api import manual

    waiting = manual._waiting

    def slow(asked: dict[str, Any]) -> Any:
        incoming = waiting(asked)
        deliver(webhook_request("participant_joined", room, caller("+12025550100")))
        return incoming

    monkeypatch.setattr(manual, "_waiting", slow)
    response = dispatch(dispatcher, room=room, participant_identity=IDENTITY)

    assert (response.status_code, response.json()["id"]) == (200, str(Call.objects.get().pk))


def test_somebody_who_did_not_call_by_telephone_needs_a_number(
    dispatcher: Client, present: Present, number: PhoneNumber
) -> None:
    room = new_room()
    present[room, "browser"] = ParticipantInfo(identity="browser")

    refused = dispatch(dispatcher, room=room, participant_identity="browser")
    taken = dispatch(dispatcher, room=room, participant_identity="browser", called_number="+1 202 555 0100")

    assert (refused.status_code, list(refused.json())) == (400, ["called_number"])
    assert (taken.status_code, taken.json()["phone_number"]) == (202, "+12025550100")


@pytest.mark.parametrize(
    ("called", "why"),
    [("+12025550199", "known"), ("+12025550101", "active"), ("+12025550102", "published"), ("", "known")],
)
def test_a_number_that_nobody_answers_is_refused_and_the_caller_keeps_waiting(
    called: str,
    why: str,
    dispatcher: Client,
    room: str,
    sent: SentMessages,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    make_number("+12025550101", is_active=False)
    make_number("+12025550102", make_persona(published=False))
    query = {"called_number": called} if called else {}

    with django_capture_on_commit_callbacks(execute=True):
        response = dispatch(dispatcher, room=room, participant_identity=IDENTITY, **query)

    assert (response.status_code, list(response.json())) == (400, ["called_number"])
    assert why in response.json()["called_number"][0]
    assert sent == []
    assert not Call.objects.exists()
    make_number("+12025550100")
    assert dispatch(dispatcher, room=room, participant_identity=IDENTITY).status_code == 202


def test_a_dispatch_that_is_sent_again_under_its_key_is_answered_without_asking_livekit(
    dispatcher: Client, room: str, number: PhoneNumber, present: Present
) -> None:
    def ask(identity: str = IDENTITY) -> Any:
        query = {"room": room, "participant_identity": identity}
        return dispatcher.post(f"/manual/dispatch?{urlencode(query)}", headers={"Idempotency-Key": "k-1"})

    first = ask()
    present.clear()

    again, other = ask(), ask("somebody else")

    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    assert again.json()["id"] == first.json()["id"]
    assert (again.headers.get("Idempotent-Replayed"), first.headers.get("Idempotent-Replayed")) == ("true", None)
    assert LogEntry.objects.get_for_model(Call).count() == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"participant_identity": IDENTITY}, "room"),
        ({"room": "call-1"}, "participant_identity"),
        ({"room": "meeting", "participant_identity": IDENTITY}, "room"),
        ({"room": "call-" + "1" * 124, "participant_identity": IDENTITY}, "room"),
        ({"room": "call-1", "participant_identity": IDENTITY, "called_number": "12"}, "called_number"),
        ({"room": "call-%00", "participant_identity": IDENTITY}, "room"),
    ],
)
@pytest.mark.usefixtures("present")
def test_what_cannot_be_is_refused_and_named(query: dict[str, str], named: str, dispatcher: Client) -> None:
    response = dispatch(dispatcher, **query)

    assert (response.status_code, list(response.json())) == (400, [named])


@pytest.mark.usefixtures("present")
def test_nobody_is_dispatched_to_somebody_who_is_not_there(dispatcher: Client) -> None:
    response = dispatch(dispatcher, room="call-empty", participant_identity=IDENTITY)

    assert (response.status_code, response.json()["detail"][:20]) == (404, "participant_identity")


def test_a_livekit_that_is_away_is_said_and_nothing_is_written(
    dispatcher: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: str) -> None:
        raise aiohttp.ClientConnectionError

    monkeypatch.setattr(rooms, "participant", away)

    assert dispatch(dispatcher, room="call-1", participant_identity=IDENTITY).status_code == 503
    assert not Call.objects.exists()


@pytest.mark.parametrize("permissions", [(), ("calls.view_call",)])
def test_who_may_not_dispatch_is_refused(permissions: tuple[str, ...], room: str) -> None:
    client = Client()
    client.force_login(make_user("", *permissions))

    assert dispatch(client, room=room, participant_identity=IDENTITY).status_code == 403
    assert dispatch(Client(), room=room, participant_identity=IDENTITY).status_code in {401, 403}
    assert not Call.objects.exists()


def test_numbers_are_masked_for_who_may_not_see_them(room: str, number: PhoneNumber) -> None:
    client = Client()
    client.force_login(make_user("", "calls.dispatch_call"))

    assert dispatch(client, room=room, participant_identity=IDENTITY).json()["caller_number"] == "+12…23"


def test_reading_dispatches_nobody(dispatcher: Client, room: str) -> None:
    assert dispatcher.get("/manual/dispatch", {"room": room, "participant_identity": IDENTITY}).status_code == 405
