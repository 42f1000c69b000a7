"""What callers say and are called is data: in the admin's HTML, in searches and filters, and in what tools answer."""

from typing import Any

import pytest
from django.test import Client

from calls.models import Call
from calls.states import Status
from tests.factories import (
    caller,
    client_of,
    make_call,
    make_number,
    make_turns,
    make_user,
    new_room,
    signed,
    webhook_event,
    webhook_request,
)

pytestmark = pytest.mark.django_db

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
TEMPLATE = "{{ 7|add:'7' }}{% debug %}{{ request.user }}${7*7}"
SQL = "'; DROP TABLE calls_call; --"
HOSTILE = [MARKUP, TEMPLATE, SQL, "\u202egnp.exe", "a" * 4000, "%s %(x)s %d", "\\x00\\u0000"]


def pages(call: Call) -> list[str]:
    return ["/admin/", "/admin/calls/call/", f"/admin/calls/call/{call.pk}/change/", "/admin/calls/webhookevent/"]


@pytest.mark.parametrize("words", HOSTILE)
def test_what_is_said_is_shown_as_it_is(words: str) -> None:
    call = make_call(Status.COMPLETED, end_detail=words[:300])
    make_turns(call, "Hello.", words)

    page = client_of(superuser=True).get(pages(call)[2]).content.decode()

    assert MARKUP not in page
    assert "{{ 7" in page or words != TEMPLATE
    assert "DROP TABLE" in page or words != SQL
    assert Call.objects.filter(pk=call.pk).exists()


@pytest.mark.parametrize("words", HOSTILE)
def test_who_calls_is_shown_as_it_is(words: str) -> None:
    number = make_number()
    room = new_room()
    who = caller(called=number.e164, number=words[:32])

    answer = webhook_request("participant_joined", room, who).post()

    assert answer.status_code in {200, 400}
    client = client_of(superuser=True)
    call = Call.objects.filter(room_name=room).first() or make_call(Status.COMPLETED, caller_number=words[:32])
    for path in pages(call):
        page = client.get(path)
        assert page.status_code == 200, path
        assert MARKUP[:32] not in page.content.decode(), path


@pytest.mark.parametrize("words", [*HOSTILE, "%", "\\", "_", "' OR 1=1 --", "\x00"])
def test_a_search_finds_words_and_runs_nothing(words: str) -> None:
    make_call(Status.COMPLETED)
    client = client_of(superuser=True)
    for path in ("/admin/calls/call/", "/admin/calls/deadletter/", "/admin/auditlog/logentry/", "/admin/auth/user/"):
        response = client.get(path, {"q": words})
        assert response.status_code in {200, 302, 400}, path
    assert Call.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        *({"status": SQL}, {"created_at__gte": SQL}, {"phone_number__e164": SQL}, {"cursor": SQL}, {"cursor": "\x00"}),
        *({"room_name": "\x00"}, {"status": "completed", "page_size": "-1"}, {"created_at__lt": "9999999-99-99"}),
    ],
)
def test_a_filter_of_the_api_runs_nothing(query: dict[str, Any]) -> None:
    make_call(Status.COMPLETED)
    client = Client()
    client.force_login(make_user("", "calls.view_call"))

    assert client.get("/api/calls/", query).status_code in {200, 400, 404}
    assert Call.objects.count() == 1


@pytest.mark.parametrize("lookup", ["user__password__startswith", "phone_number__persona__prompt", "turns__text"])
def test_no_filter_of_the_admin_reads_other_tables(lookup: str) -> None:
    response = client_of("Viewers").get("/admin/calls/call/", {lookup: "a"})

    assert response.status_code in {302, 400}


@pytest.mark.parametrize("path", ["/webhooks/livekit", "/admin/login/"])
def test_a_body_that_is_too_large_is_refused(path: str) -> None:
    body = b"x" * (300 * 1024)

    answer = Client().post(path, body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code in {400, 401, 403, 413}
    assert not Call.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"event":' + b"[" * 5000, b"{}"])
def test_a_signed_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    assert signed(body).post().status_code in {200, 400, 401}
    assert not Call.objects.exists()


@pytest.mark.parametrize(
    "change",
    [{"key": "APIother"}, {"secret": "another-secret-of-more-than-32-characters"}, {"ttl_s": -600}],
)
def test_a_forged_or_expired_signature_is_refused(change: dict[str, Any]) -> None:
    event = webhook_event("participant_joined", new_room(), caller(called=make_number().e164))

    assert signed(event, **change).post().status_code == 401
    assert not Call.objects.exists()


def test_the_algorithm_none_signs_nothing() -> None:
    import base64
    import hashlib
    import json

    body = json.dumps(webhook_event("participant_joined", new_room(), caller(called=make_number().e164))).encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    token = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'sha256': digest, 'iss': 'APIx', 'exp': 9999999999})}."
    answer = Client().post(
        "/webhooks/livekit", body, content_type="application/webhook+json", headers={"Authorization": token}
    )

    assert answer.status_code == 401
    assert not Call.objects.exists()
