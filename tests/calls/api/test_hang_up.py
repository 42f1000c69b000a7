"""Hanging up on a call, by the API and in the admin: once, by who may, and written down."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from calls.lifecycle import services
from calls.models import Call
from calls.reporting.narrative import tell
from calls.states import FINAL, LIVE, Direction, EndReason, Status
from tests.calls.conftest import Deliver, SentMessages
from tests.factories import caller, client_of, make_call, make_user, webhook_request

pytestmark = pytest.mark.django_db


def client(*permissions: str) -> Client:
    browser = Client()
    browser.force_login(make_user("", *permissions))
    return browser


@pytest.fixture
def dispatcher() -> Client:
    return client("calls.dispatch_call")


def hang_up(browser: Client, call: Call) -> Any:
    return browser.post(f"/api/calls/{call.pk}/hang-up")


def page(call: Call, action: str = "") -> str:
    return f"/admin/calls/call/{call.pk}/{action or 'change/'}"


def done(call: Call) -> list[str]:
    return [entry.additional_data["what"] for entry in LogEntry.objects.get_for_object(call)]


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_live_call_is_ended_first_and_its_room_closed_after_that(
    status: Status,
    dispatcher: Client,
    sent: SentMessages,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    call = make_call(status)

    with django_capture_on_commit_callbacks(execute=True):
        response = hang_up(dispatcher, call)

    call.refresh_from_db()
    ended = Status.COMPLETED if status == Status.IN_PROGRESS else Status.MISSED
    assert (call.status, call.end_reason) == (ended, EndReason.HUNG_UP)
    assert (response.status_code, response.json()["status"]) == (200, ended)
    assert sent.to("calls.close_room") == [call.room_name]
    assert done(call) == ["hung up"]
    assert "a supervisor hung up" in tell(call)


def test_a_call_that_was_answered_and_waits_for_another_agent_is_completed(dispatcher: Client) -> None:
    call = make_call(Status.IN_PROGRESS)
    Call.objects.filter(pk=call.pk).update(status=Status.QUEUED)

    assert hang_up(dispatcher, call).json()["status"] == Status.COMPLETED


def test_an_outbound_call_that_still_rings_reaches_nobody(dispatcher: Client) -> None:
    call = make_call(Status.CONNECTING, direction=Direction.OUTBOUND)

    hang_up(dispatcher, call)

    call.refresh_from_db()
    assert "without success: a supervisor hung up" in tell(call)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_call_that_is_over_stays_as_it_is(status: Status, dispatcher: Client, sent: SentMessages) -> None:
    call = make_call(status)

    response = hang_up(dispatcher, call)

    before, call = call.end_reason, Call.objects.get(pk=call.pk)
    assert response.status_code == 409
    assert (call.status, call.end_reason) == (status, before)
    assert (sent, done(call)) == ([], [])


def test_a_call_that_ends_meanwhile_is_not_ended_twice() -> None:
    call = make_call(Status.IN_PROGRESS)
    services.end_call(call.pk, Status.COMPLETED, EndReason.CALLER_LEFT)

    assert not services.hang_up(call.pk)
    assert call.events.count() == 1


def test_the_events_that_follow_from_it_change_nothing(dispatcher: Client, deliver: Deliver) -> None:
    call = make_call(Status.IN_PROGRESS)
    hang_up(dispatcher, call)

    for kind, person in (("participant_left", caller("+12025550100")), ("room_finished", None)):
        deliver(webhook_request(kind, call.room_name, person))

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.HUNG_UP)


def test_who_may_only_read_does_not_hang_up() -> None:
    call = make_call(Status.IN_PROGRESS)

    assert hang_up(client("calls.view_call", "calls.view_turn"), call).status_code == 403
    assert hang_up(Client(), call).status_code in {401, 403}
    call.refresh_from_db()
    assert call.status == Status.IN_PROGRESS


def test_a_call_that_does_not_exist_is_not_found(dispatcher: Client) -> None:
    for pk in ("00000000-0000-0000-0000-000000000000", "17"):
        assert dispatcher.post(f"/api/calls/{pk}/hang-up/").status_code == 404


def test_asking_for_the_address_hangs_nobody_up(dispatcher: Client) -> None:
    call = make_call(Status.IN_PROGRESS)

    assert dispatcher.get(f"/api/calls/{call.pk}/hang-up").status_code == 405
    assert client_of("Supervisors").get(page(call, "hang-up/")).status_code == 200
    call.refresh_from_db()
    assert call.status == Status.IN_PROGRESS


def test_a_supervisor_is_asked_and_then_hangs_up_in_the_admin(sent: SentMessages) -> None:
    call = make_call(Status.IN_PROGRESS)
    supervisor = client_of("Supervisors")

    assert page(call, "hang-up/") in supervisor.get(page(call)).content.decode()
    assert "This cannot be undone." in supervisor.get(page(call, "hang-up/")).content.decode()
    shown = supervisor.post(page(call, "hang-up/"), follow=True).content.decode()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.HUNG_UP)
    assert "The call has ended" in shown
    assert page(call, "hang-up/") not in shown
    assert done(call) == ["hung up"]


def test_a_page_that_was_open_too_long_says_that_the_call_is_over() -> None:
    call = make_call(Status.COMPLETED)
    supervisor = client_of("Supervisors")

    for ask in (supervisor.get, supervisor.post):
        assert "The call has already ended." in ask(page(call, "hang-up/"), follow=True).content.decode()
    call.refresh_from_db()
    assert call.end_reason == EndReason.AGENT_GOODBYE


def test_a_viewer_sees_no_button_and_hangs_nobody_up() -> None:
    call = make_call(Status.IN_PROGRESS)
    viewer = client_of("Viewers")

    assert "hang-up" not in viewer.get(page(call)).content.decode()
    assert viewer.post(page(call, "hang-up/")).status_code == 403
    call.refresh_from_db()
    assert call.status == Status.IN_PROGRESS


def test_hanging_up_on_a_call_that_does_not_exist_is_not_found() -> None:
    supervisor = client_of("Supervisors")

    for pk in ("00000000-0000-0000-0000-000000000000", "17"):
        assert supervisor.get(f"/admin/calls/call/{pk}/hang-up/").status_code == 404
        assert supervisor.get(f"/admin/calls/call/{pk}/change/").status_code == 302
