"""Webhooks that come twice, in the wrong order, or from somebody else, at the running web process."""

import json
from collections.abc import Callable, Iterator

import pytest

from calls.models import Call, WebhookEvent
from calls.states import EndReason, Status
from tests.factories import WebhookRequest, caller, new_room, signed, webhook_event, webhook_request
from tests.faults.outside import messages_waiting, post, purge_messages
from tests.product.fixtures import NUMBER
from tests.product.stack import eventually
from tests.threads import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("number", "rooms_end", "empty_queue"),
]


@pytest.fixture
def empty_queue(quiet: None) -> Iterator[None]:
    """No worker runs here: messages stay where they can be counted."""
    purge_messages()
    yield
    purge_messages()


def _joined(room: str) -> WebhookRequest:
    return webhook_request("participant_joined", room, caller(NUMBER))


def _left(room: str) -> WebhookRequest:
    return webhook_request("participant_left", room, caller(NUMBER))


def test_10_the_same_webhook_five_times_at_once_makes_one_call() -> None:
    request = _joined(new_room())

    answers = at_once(5, lambda _: post(request))

    assert [status for status, _ in answers] == [200] * 5
    assert sorted(answer["outcome"] for _, answer in answers) == ["call queued"] + ["duplicate"] * 4
    assert Call.objects.count() == WebhookEvent.objects.count() == 1
    eventually(lambda: messages_waiting() == 1, "one message")


def test_11_left_before_joined_leaves_a_missed_call() -> None:
    room = new_room()

    assert [post(request)[0] for request in (_left(room), _joined(room))] == [200, 200]

    call = Call.objects.get(room_name=room)
    assert (call.status, call.end_reason, call.attempt) == (Status.MISSED, EndReason.CALLER_GAVE_UP, 0)


def test_11_left_and_joined_at_once_leave_a_missed_call() -> None:
    rooms = [new_room() for _ in range(5)]
    requests = [request for room in rooms for request in (_left(room), _joined(room))]

    answers = at_once(len(requests), lambda index: post(requests[index]))

    assert {status for status, _ in answers} == {200}
    assert list(Call.objects.values_list("status", "end_reason")) == [(Status.MISSED, EndReason.CALLER_GAVE_UP)] * 5


FORGERIES: dict[str, Callable[[bytes], WebhookRequest]] = {
    "unsigned": lambda body: WebhookRequest(body, ""),
    "another secret": lambda body: signed(body, secret="another-secret-of-at-least-32-characters"),
    "another key": lambda body: signed(body, key="APIanother"),
    "signed for another body": lambda body: WebhookRequest(body, signed(b"{}").authorization),
    "expired": lambda body: signed(body, ttl_s=-300),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_12_a_forged_or_expired_webhook_is_refused_and_writes_nothing(
    forge: Callable[[bytes], WebhookRequest],
) -> None:
    body = json.dumps(webhook_event("participant_joined", participant=caller(NUMBER))).encode()

    status, answer = post(forge(body))

    assert (status, list(answer)) == (401, ["error"])
    assert not WebhookEvent.objects.exists()
    assert not Call.objects.exists()


@pytest.mark.parametrize("ended", [False, True], ids=["waiting", "over"])
def test_12_a_replay_changes_nothing(ended: bool) -> None:
    room = new_room()
    sent = [_joined(room), _left(room)] if ended else [_joined(room)]
    for request in sent:
        post(request)
    eventually(lambda: messages_waiting() == 1, "the call's message")
    before = list(Call.objects.values()), list(WebhookEvent.objects.values())

    assert [post(request) for request in sent] == [(200, {"outcome": "duplicate"})] * len(sent)
    assert [post(signed(request.body, ttl_s=-300))[0] for request in sent] == [401] * len(sent)

    assert (list(Call.objects.values()), list(WebhookEvent.objects.values())) == before
    assert Call.objects.get().events.count() == (2 if ended else 1)
    assert messages_waiting() == 1
