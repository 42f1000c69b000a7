"""Dead letters in the admin: read by all, sent again by supervisors."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from calls.housekeeping import dead_letters
from calls.lifecycle.services import write_event
from calls.models import Call, DeadLetter
from calls.models.dead_letter import Cause
from calls.reporting.narrative import tell_dead_letter
from calls.states import Status
from tests.calls.conftest import SentMessages
from tests.factories import client_of, make_call

pytestmark = pytest.mark.django_db

LIST = "/admin/calls/deadletter/"


def make_letter(call: Call | None = None, cause: Cause = Cause.REFUSED, **values: str) -> DeadLetter:
    """A dead letter, about a call that waits unless another one is given."""
    return DeadLetter.objects.create(
        digest=f"{DeadLetter.objects.count():064}", call=call, cause=cause, reason="rejected", **values
    )


def _url(view: str, letter: DeadLetter) -> str:
    return reverse(f"admin:calls_deadletter_{view}", args=[letter.pk])


def _answer(client: Client, letter: DeadLetter) -> str:
    """What the page says after "Send again" was pressed."""
    return client.post(_url("send_again_view", letter), follow=True).content.decode()


@pytest.mark.parametrize("group", ["Viewers", "Supervisors"])
def test_the_list_says_why_in_words_and_leads_to_the_call(group: str) -> None:
    call = make_call()
    make_letter(call, Cause.UNKNOWN_TASK, task="payroll.run")
    make_letter(None, Cause.UNREADABLE)
    page = client_of(group).get(LIST).content.decode()
    for text in (
        "It names a task that no worker knows",
        "payroll.run",
        "No worker could read it",
        "unknown",
    ):
        assert text in page
    assert reverse("admin:calls_call_change", args=[call.pk]) in page


def test_the_list_is_filtered_by_cause_and_searched_by_caller() -> None:
    wanted = make_letter(make_call(caller_number="+12025550777"), Cause.EXPIRED)
    make_letter(make_call(), Cause.REFUSED)
    client = client_of("Supervisors")
    for parameters in ({"cause__exact": "expired"}, {"q": "+12025550777"}):
        assert list(client.get(LIST, parameters).context["cl"].result_list) == [wanted]


def test_a_body_is_text_and_never_markup() -> None:
    letter = make_letter(body="<script>alert(1)</script>", task="<b>x</b>")
    page = client_of(superuser=True).get(_url("change", letter)).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)</script>" not in page
    assert "<b>x</b>" not in page


def test_nobody_can_add_edit_or_delete_a_dead_letter() -> None:
    letter = make_letter()
    client = client_of(superuser=True)
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(_url("change", letter), {"task": "mine"}).status_code == 403
    assert client.post(_url("delete", letter), {"post": "yes"}).status_code == 403


def test_staff_without_a_group_sees_no_dead_letters() -> None:
    assert client_of().get(LIST).status_code == 403


def test_sending_again_asks_first_and_then_sends_the_call_that_waits(
    sent: SentMessages, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    call = make_call()
    letter = make_letter(call)
    client = client_of("Supervisors", username="vera")
    page = client.get(_url("send_again_view", letter)).content.decode()
    assert "about the call from +1 202 555 0199" in page
    assert sent == []

    with django_capture_on_commit_callbacks(execute=True):
        answer = _answer(client, letter)

    assert sent == [("workers.run_call", str(call.pk))]
    assert "The call was sent again" in answer
    assert "by vera" in answer
    event = call.events.get()
    assert (event.kind, event.detail) == ("sent_again", {"by": "vera"})
    assert Call.objects.get().sent_at > call.sent_at


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (Status.CONNECTING, "an agent already has the call"),
        (Status.IN_PROGRESS, "an agent already has the call"),
        (Status.COMPLETED, "the call has ended (completed)"),
        (Status.MISSED, "the call has ended (missed)"),
    ],
)
def test_a_call_that_does_not_wait_is_not_sent_again(status: Status, answer: str, sent: SentMessages) -> None:
    letter = make_letter(make_call(status))
    assert f"Nothing was sent: {answer}." in _answer(client_of("Supervisors"), letter)
    letter.refresh_from_db()
    assert (sent, letter.resent_at) == ([], None)


def test_a_call_that_an_agent_takes_at_this_moment_is_not_sent_again(
    sent: SentMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = make_letter(make_call())
    send_again = dead_letters.send_again

    def taken_meanwhile(letter: DeadLetter, user: User | None) -> bool:
        Call.objects.update(status=Status.CONNECTING)
        return send_again(letter, user)

    monkeypatch.setattr(dead_letters, "send_again", taken_meanwhile)
    assert "Nothing was sent: an agent already has the call." in _answer(client_of("Supervisors"), letter)
    assert sent == []


def test_a_message_that_names_no_call_cannot_be_sent_again(sent: SentMessages) -> None:
    answer = _answer(client_of("Supervisors"), make_letter())
    assert "Nothing was sent: the message names no known call." in answer
    assert sent == []


def test_a_viewer_cannot_send_again_and_is_not_offered_to(sent: SentMessages) -> None:
    letter = make_letter(make_call())
    client = client_of("Viewers")
    assert _url("send_again_view", letter) not in client.get(_url("change", letter)).content.decode()
    assert client.post(_url("send_again_view", letter)).status_code == 403
    assert _url("send_again_view", letter) in client_of("Supervisors").get(_url("change", letter)).content.decode()
    assert sent == []


def test_the_calls_page_describes_a_dead_letter() -> None:
    call = make_call()
    write_event(call.pk, "dead_letter", why=Cause.UNREADABLE)
    write_event(call.pk, "sent_again", by="vera")
    page = client_of("Viewers").get(reverse("admin:calls_call_change", args=[call.pk])).content.decode()
    assert "A message about this call could not be processed" in page
    assert "why: No worker could read it" in page
    assert "The call was sent to the workers again" in page


@pytest.mark.parametrize(
    ("number", "about"),
    [("+12025550123", "about the call from +1 202 555 0123"), ("", "about the call from an anonymous caller")],
)
def test_one_sentence_describes_a_message_and_its_call(number: str, about: str) -> None:
    sentence = tell_dead_letter(make_letter(make_call(caller_number=number)))
    assert sentence.startswith(f"A message {about} was set aside on ")
    assert sentence.endswith(": a worker could not process it.")


def test_a_message_without_a_call_is_described_with_its_unknown_task() -> None:
    sentence = tell_dead_letter(make_letter(None, Cause.UNKNOWN_TASK, task="payroll.run"))
    assert sentence.startswith("A message that names no call was set aside on ")
    assert sentence.endswith(": it names a task that no worker knows (payroll.run).")
