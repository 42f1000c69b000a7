"""Placing calls by the API: who may, what is refused, and how calls that reach nobody end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from calls import tasks
from calls.housekeeping import reaper
from calls.lifecycle import leases, services
from calls.livekit import rooms
from calls.models import Call, PhoneNumber
from calls.outbound import placing
from calls.reporting import aggregates
from calls.reporting.narrative import call_title, tell
from calls.states import NOT_REACHED, Direction, EndReason, Status
from tests.calls.conftest import Deliver, SentMessages
from tests.factories import caller, client_of, make_call, make_number, make_persona, make_user, webhook_request
from tests.threads import at_once

pytestmark = pytest.mark.django_db

TO = "+12025550155"


@pytest.fixture
def slots(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four slots, of which two are reserved for callers. Their worker is not lost on a busy machine."""
    monkeypatch.setattr(leases, "LEASE", timedelta(hours=1))
    settings.INBOUND_RESERVE = 2
    leases.beat("host:1", slots=4)


@pytest.fixture
def number() -> PhoneNumber:
    return make_number("+12025550100", make_persona("Front desk"))


def client(*permissions: str) -> Client:
    browser = Client()
    browser.force_login(make_user("", *permissions))
    return browser


def ask(browser: Client | None = None, **values: Any) -> Any:
    body = {"to": TO, "from": "+12025550100", **values}
    return (browser or client("calls.dispatch_call")).post("/api/calls", body, content_type="application/json")


def dialed(number: PhoneNumber, status: Status = Status.QUEUED, **values: Any) -> Call:
    """An outbound call that was not answered yet."""
    return make_call(status, number, direction=Direction.OUTBOUND, caller_number=TO, caller_identity="sip_x", **values)


def test_a_call_is_written_queued_and_sent_to_the_workers(
    slots: None,
    number: PhoneNumber,
    sent: SentMessages,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(to="+1 202 555 0155")

    row = answer.json()
    call = Call.objects.get()
    assert answer.status_code == 202
    assert (row["id"], row["direction"], row["status"]) == (str(call.pk), "outbound", "queued")
    assert (row["phone_number"], row["persona"]) == ("+12025550100", "Front desk")
    assert (call.caller_number, call.called_number) == (TO, "+12025550100")
    assert TO not in call.caller_identity + call.room_name  # LiveKit logs both
    assert call.room_name.startswith("call-")
    assert TO not in call.room_name
    assert sent == [("workers.run_call", str(call.pk))]
    assert [event.to_status for event in call.events.all()] == ["queued"]


def test_another_persona_may_speak(slots: None, number: PhoneNumber, sent: SentMessages) -> None:
    survey = make_persona("Survey")

    assert ask(persona="Survey").status_code == 202
    assert Call.objects.get().persona_version == survey.live_version


@pytest.mark.parametrize(
    ("values", "field", "cure"),
    [
        ({"to": "0155"}, "to", "country code"),
        ({"to": ""}, "to", "blank"),
        ({"to": None}, "to", "null"),
        ({"to": "\x00"}, "to", "Null characters"),
        ({"to": "+12025550100"}, "to", "Choose a different number"),
        ({"from": "+12025550999"}, "from", "add it in the admin"),
        ({"from": ["+12025550100"]}, "from", "valid string"),
        ({"from": "+12025550101"}, "from", "activate it"),
        ({"persona": "Nobody"}, "persona", "/api/personas"),
        ({"persona": "Draft"}, "persona", "Publish Draft first"),
    ],
)
def test_bad_input_is_refused_by_field_with_the_cure(
    values: dict[str, Any], field: str, cure: str, slots: None, number: PhoneNumber
) -> None:
    make_number("+12025550101", number.persona, is_active=False)
    make_persona("Draft", published=False)

    answer = ask(**values)

    assert answer.status_code == 400
    assert cure in " ".join(answer.json()[field])
    assert not Call.objects.exists()


@pytest.mark.parametrize("permissions", [(), ("calls.view_call",), ("calls.view_call", "calls.view_phonenumber")])
def test_a_viewer_places_no_call(permissions: tuple[str, ...], slots: None, number: PhoneNumber) -> None:
    assert ask(client(*permissions)).status_code == 403
    assert ask(Client()).status_code in {401, 403}
    assert not Call.objects.exists()


def test_the_last_slots_are_kept_for_callers(slots: None, number: PhoneNumber, sent: SentMessages) -> None:
    assert [ask().status_code for _ in range(3)] == [202, 202, 429]

    refused = ask()
    assert refused.headers["Retry-After"] == str(placing.RETRY_AFTER_S)
    assert "No capacity: slots free: 2, of which 2 are reserved for callers." in refused.json()["detail"]
    assert Call.objects.count() == 2


def test_a_caller_is_taken_although_only_the_kept_slots_are_free(
    slots: None, number: PhoneNumber, sent: SentMessages
) -> None:
    [dialed(number, Status.CONNECTING) for _ in range(2)]
    waiting = make_call(Status.QUEUED, number)

    assert ask().status_code == 429
    assert leases.claim("host:1") == waiting


def test_callers_who_wait_go_before_outbound_calls(settings: Settings, number: PhoneNumber) -> None:
    settings.INBOUND_RESERVE = 0
    leases.beat("host:1", slots=1)
    make_call(Status.QUEUED, number)

    assert ask().status_code == 429


@pytest.mark.parametrize("free", [0, 1])
def test_without_free_slots_or_workers_there_is_no_capacity(free: int, settings: Settings, number: PhoneNumber) -> None:
    settings.INBOUND_RESERVE = 0
    leases.beat("host:1", slots=free)
    make_call(Status.IN_PROGRESS, number)

    assert ask().status_code == 429


def test_calls_on_workers_that_are_leaving_take_no_slot_of_the_others(
    settings: Settings, number: PhoneNumber, sent: SentMessages
) -> None:
    settings.INBOUND_RESERVE = 0
    leases.beat("host:1", slots=1, busy=1, draining=True)
    leases.beat("host:2", slots=1)
    make_call(Status.IN_PROGRESS, number, lease_holder="host:1")

    assert ask().status_code == 202


def test_the_limit_of_all_and_that_of_the_number_count(
    slots: None, number: PhoneNumber, settings: Settings, sent: SentMessages
) -> None:
    settings.MAX_CONCURRENT_AGENTS = 2
    assert ask().status_code == 429
    settings.MAX_CONCURRENT_AGENTS = 100
    PhoneNumber.objects.filter(pk=number.pk).update(max_calls=1)
    assert ask().status_code == 202

    assert "+12025550100 is at its limit of 1 calls" in ask().json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_do_not_take_one_slot_too_many(slots: None, number: PhoneNumber, sent: SentMessages) -> None:
    version = number.persona.live_version
    assert version is not None

    def place(index: int) -> bool:
        try:
            placing.place(f"+120255502{index:02}", number, version)
        except placing.NoCapacity:
            return False
        return True

    assert sum(at_once(8, place)) == Call.objects.count() == 2


def test_a_refused_call_leaves_the_transaction_usable(number: PhoneNumber) -> None:
    version = number.persona.live_version
    assert version is not None
    with transaction.atomic(), pytest.raises(placing.NoCapacity, match="slots free: 0"):
        placing.place(TO, number, version)

    assert not Call.objects.exists()


def test_a_call_that_no_slot_takes_in_time_is_given_up_and_announced_to_nobody(
    number: PhoneNumber, sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    call = dialed(number, rings_until=timezone.now() - timedelta(seconds=1))

    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.MISSED, EndReason.NO_AGENT_FREE)
    assert sent == [("calls.close_room", call.room_name)]


@pytest.mark.parametrize("status", [Status.QUEUED, Status.CONNECTING])
def test_the_reaper_does_not_miss_a_person_who_was_not_reached_yet(
    status: Status, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(_prefix: str) -> reaper.Rooms:
        return {}

    long_ago = timezone.now() - timedelta(minutes=1)
    call = dialed(number, status, queued_at=long_ago, claimed_at=long_ago)
    monkeypatch.setattr(rooms, "occupied", nobody)
    reaper.reap()

    call.refresh_from_db()
    assert call.status == status


def test_the_person_who_joins_is_the_calls_own_and_its_ids_are_noted(number: PhoneNumber, deliver: Deliver) -> None:
    call = dialed(number, Status.CONNECTING)
    person = caller("+12025550100", TO, identity=call.caller_identity)

    _, first = deliver(webhook_request("participant_joined", call.room_name, person))
    _, again = deliver(webhook_request("participant_joined", call.room_name, person))

    call.refresh_from_db()
    assert (first["outcome"], again["outcome"]) == ("call identified", "call exists")
    assert (call.sip_call_id, call.status) == ("SCL_kNaRzLxT4mpQ", Status.CONNECTING)
    assert call.twilio_call_sid.startswith("CA")
    assert Call.objects.count() == 1


def test_a_person_who_does_not_answer_leaves_and_the_agent_says_why(number: PhoneNumber, deliver: Deliver) -> None:
    call = dialed(number, Status.CONNECTING)
    person = caller("+12025550100", TO, identity=call.caller_identity)

    _, answer = deliver(webhook_request("participant_left", call.room_name, person))

    call.refresh_from_db()
    assert (answer["outcome"], call.status) == ("noted", Status.CONNECTING)


def test_a_call_that_lost_its_agent_while_it_rang_ends_when_the_person_leaves(
    number: PhoneNumber, deliver: Deliver
) -> None:
    call = dialed(number, Status.QUEUED, attempt=1)
    person = caller("+12025550100", TO, identity=call.caller_identity)

    deliver(webhook_request("participant_left", call.room_name, person))

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.MISSED, EndReason.NO_ANSWER)


@pytest.mark.parametrize("reason", sorted(NOT_REACHED))
def test_an_unanswered_outbound_call_is_described_as_one(reason: EndReason, number: PhoneNumber) -> None:
    call = dialed(number, Status.CONNECTING)
    services.end_call(call.pk, Status.MISSED, reason)
    call.refresh_from_db()

    assert tell(call).startswith("Front desk v1 called +1 202 555 0155 from +1 202 555 0100 on ")
    assert "without success: the called" in tell(call)
    assert call_title(call) == "Call to +1 202 555 0155"


@pytest.mark.parametrize("status", [status for status in Status if status != Status.REJECTED])
def test_every_state_of_an_outbound_call_is_described_and_shown(status: Status, number: PhoneNumber) -> None:
    call = dialed(number, status)

    assert tell(call).endswith(".")
    page = client_of("Viewers").get(f"/admin/calls/call/{call.pk}/change/").content.decode()
    assert "Call to " in page


def test_calls_that_reach_nobody_do_not_lower_the_success_rate(number: PhoneNumber) -> None:
    make_call(Status.COMPLETED, number)
    for reason in NOT_REACHED:
        dialed(number, Status.MISSED, end_reason=reason)
    assert aggregates.today().success_rate == 1.0

    make_call(Status.MISSED, number)
    assert aggregates.today().success_rate == 0.5


def test_outbound_calls_can_be_listed_alone(number: PhoneNumber) -> None:
    make_call(Status.QUEUED, number)
    call = dialed(number)

    rows = client("calls.view_call").get("/api/calls/", {"direction": "outbound"}).json()["results"]

    assert [(row["id"], row["direction"]) for row in rows] == [(str(call.pk), "outbound")]
