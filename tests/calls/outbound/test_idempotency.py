"""A request that is sent again under its Idempotency-Key begins one call: late, at once, and by whomever."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from access.models import ApiToken
from calls import tasks
from calls.lifecycle import leases
from calls.models import Call, IdempotencyKey, PhoneNumber
from calls.outbound import idempotency
from calls.states import EndReason, Status
from tests.calls.conftest import SentMessages
from tests.factories import make_number, make_user
from tests.threads import at_once

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
TO = "+12025550155"

type Ask = Callable[..., Any]


@pytest.fixture
def owner(transactional_db: None, sent: SentMessages, settings: Settings) -> User:
    settings.INBOUND_RESERVE = 0
    leases.beat("host:1", slots=1000)
    make_number("+12025550100")
    return make_user("", "calls.dispatch_call")


@pytest.fixture
def ask(owner: User) -> Ask:
    """Ask for a call, and return the answer."""
    browser = Client()
    browser.force_login(owner)

    def post(key: str | None = KEY, client: Client = browser, **values: Any) -> Any:
        headers = {"Idempotency-Key": key} if key is not None else {}
        body = {"to": TO, "from": "+12025550100", **values}
        leases.beat("host:1", slots=1000)
        return client.post("/api/calls", body, content_type="application/json", headers=headers)

    return post


def test_a_request_that_is_sent_again_finds_its_call_and_dials_once(ask: Ask, sent: SentMessages) -> None:
    first = ask()
    again = ask()

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert Call.objects.count() == 1
    assert sent.to("workers.run_call") == [first.json()["id"]]


def test_without_a_key_each_request_is_a_call(ask: Ask) -> None:
    assert ask(None).json()["id"] != ask(None).json()["id"]
    assert not IdempotencyKey.objects.exists()


def test_the_answer_is_the_call_as_it_is_now_also_when_it_could_not_be_begun_again(ask: Ask) -> None:
    first = ask()
    Call.objects.update(status=Status.MISSED, end_reason=EndReason.BUSY, ended_at=timezone.now())
    PhoneNumber.objects.update(is_active=False)

    again = ask()

    assert (again.status_code, again.json()["id"], again.json()["status"]) == (202, first.json()["id"], "missed")


def test_the_order_of_fields_and_the_quotes_of_the_draft_do_not_matter(ask: Ask, owner: User) -> None:
    first = ask()
    browser = Client(headers={"Idempotency-Key": f'"{KEY}"'})
    browser.force_login(owner)

    again = browser.post("/api/calls/", f'{{"from": "+12025550100",  "to": "{TO}"}}', content_type="application/json")

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def test_another_request_under_the_same_key_is_refused(ask: Ask) -> None:
    ask()

    other = ask(to="+12025550156")

    assert other.status_code == 422
    assert "Send a new key" in other.json()["detail"]
    assert Call.objects.count() == 1


def test_keys_belong_to_their_user_whose_tokens_share_them(ask: Ask, owner: User) -> None:
    def program(user: User) -> Client:
        _, token = ApiToken.objects.create(user=user, name="Dialer", scope="dispatch")
        return Client(headers={"Authorization": f"Bearer {token}"})

    first = ask()

    assert ask(client=program(owner)).json()["id"] == first.json()["id"]
    assert ask(client=program(make_user("", "calls.dispatch_call"))).json()["id"] != first.json()["id"]


def test_requests_at_once_begin_one_call(ask: Ask, owner: User) -> None:
    def post(_index: int) -> str:
        browser = Client()
        browser.force_login(owner)
        answer = ask(client=browser)
        assert answer.status_code == 202, answer.content
        return str(answer.json()["id"])

    assert len(set(at_once(6, post))) == 1
    assert Call.objects.count() == 1


def test_after_a_refusal_the_key_may_be_tried_again(ask: Ask) -> None:
    PhoneNumber.objects.update(max_calls=0)
    assert ask().status_code == 429
    assert not IdempotencyKey.objects.exists()
    PhoneNumber.objects.update(max_calls=1)

    assert ask().status_code == 202


@pytest.mark.parametrize("key", ["", " ", '""', "x" * 256, "a b", "é"])
def test_what_is_no_key_is_refused(key: str, ask: Ask) -> None:
    answer = ask(key)

    assert (answer.status_code, list(answer.json())) == (400, ["Idempotency-Key"])
    assert not Call.objects.exists()


def test_a_key_counts_for_a_day_and_is_then_forgotten(ask: Ask) -> None:
    first = ask()
    IdempotencyKey.objects.update(created_at=timezone.now() - idempotency.KEPT + timedelta(minutes=1))
    tasks.forget_idempotency_keys()
    assert ask().json()["id"] == first.json()["id"]
    IdempotencyKey.objects.update(created_at=timezone.now() - idempotency.KEPT)

    assert ask().json()["id"] != first.json()["id"]

    IdempotencyKey.objects.update(created_at=timezone.now() - idempotency.KEPT)
    tasks.forget_idempotency_keys()
    assert not IdempotencyKey.objects.exists()


def test_the_row_of_a_key_does_not_show_whom_it_was_for(ask: Ask) -> None:
    ask()

    [row] = IdempotencyKey.objects.values()
    assert TO not in str(row)
