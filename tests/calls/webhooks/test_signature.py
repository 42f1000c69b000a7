"""What proves that LiveKit sent a webhook, and the response when it did not, or the body is not an event."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import Client
from livekit.api import AccessToken, VideoGrants

from calls.models import Call, WebhookEvent
from tests.calls.conftest import Deliver
from tests.factories import WEBHOOK_PATH, WebhookRequest, caller, make_number, signed, webhook_event

pytestmark = pytest.mark.django_db

EVENT = webhook_event("participant_joined", participant=caller("+12025550100"))
BODY = json.dumps(EVENT).encode()


def token(**claims: Any) -> str:
    """A JWT signed with the right secret; claims given as None are left out."""
    now = datetime.now(UTC)
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    values = {
        "iss": settings.LIVEKIT_API_KEY,
        "nbf": now,
        "exp": now + timedelta(minutes=5),
        "sha256": digest,
        **claims,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return jwt.encode(given, settings.LIVEKIT_API_SECRET, algorithm="HS256")


def unsigned() -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = jwt.decode(token(), options={"verify_signature": False})
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def access_token() -> str:
    """What a participant gets to join a room: signed with the same secret, and no signature of a body."""
    grants = VideoGrants(room_join=True, room="call-1")
    return (
        AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity("x")
        .with_grants(grants)
        .to_jwt()
    )


def test_a_signed_webhook_is_accepted(deliver: Deliver) -> None:
    make_number("+12025550100")

    assert deliver(signed(BODY)) == (200, {"outcome": "call queued"})


def test_the_header_may_say_bearer(deliver: Deliver) -> None:
    assert deliver(WebhookRequest(BODY, f"Bearer {token()}"))[0] == 200


@pytest.mark.parametrize("content_type", ["application/webhook+json", "application/json", "text/plain"])
def test_the_content_type_does_not_matter(content_type: str, deliver: Deliver) -> None:
    assert deliver(WebhookRequest(BODY, token(), content_type))[0] == 200


def forged() -> dict[str, str]:
    """Headers that do not prove anything, by what is wrong with them."""
    past = datetime.now(UTC) - timedelta(minutes=10)
    return {
        "missing": "",
        "blank": "   ",
        "only Bearer": "Bearer ",
        "no JWT": "secret",
        "not base64": "a.b.c",
        "not signed": unsigned(),
        "another secret": signed(BODY, secret="another-secret-of-at-least-32-characters").authorization,
        "another key": signed(BODY, key="APIanother").authorization,
        "expired": signed(BODY, ttl_s=-300).authorization,
        "without an expiry": token(exp=None),
        "not valid yet": token(nbf=datetime.now(UTC) + timedelta(minutes=10)),
        "expired long ago": token(exp=past),
        "hash of another body": signed(b"{}").authorization,
        "no hash": token(sha256=None),
        "empty hash": token(sha256=""),
        "hash that is not base64": token(sha256="!"),
        "hash that is not ASCII": token(sha256="é"),
        "hash that is no text": token(sha256=17),
        "a participant's token": access_token(),
    }


@pytest.mark.parametrize("wrong", list(forged()))
def test_a_webhook_that_is_not_signed_for_its_body_is_refused(wrong: str, deliver: Deliver) -> None:
    status, answer = deliver(WebhookRequest(BODY, forged()[wrong]))

    assert (status, list(answer)) == (401, ["error"])
    assert answer["error"].startswith("Authorization: ")
    assert not WebhookEvent.objects.exists()
    assert not Call.objects.exists()


def test_a_refusal_quotes_neither_secret_nor_token(deliver: Deliver) -> None:
    request = signed(BODY, secret="another-secret-of-at-least-32-characters")

    answer = deliver(request)[1]["error"]

    assert settings.LIVEKIT_API_SECRET not in answer
    assert request.authorization not in answer


@pytest.mark.django_db(transaction=True)  # an error of the database would end the test's own transaction
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"17",
        b"{}",
        BODY[:-1],
        BODY[: len(BODY) // 2],
        BODY + BODY,
        b"\xff\xfe\x00",
        BODY.replace(b"sip_", b"sip_\xff"),
        b"event=room_started",
        b'{"event": "room_started"}',
        b'{"id": "EV_1"}',
        b'{"event": 17, "id": "EV_1"}',
        b'{"event": "room_started", "id": "EV_1", "room": {"name": ["call-1"]}}',
        b'{"event": "room_started", "id": "EV_1", "room": {"name": "call-1"}, "createdAt": "soon"}',
        b'{"event": "room_started", "id": "EV_1", "room": {"name": "call-1"}, "createdAt": "9223372036854775807"}',
        b'{"event": "room_started", "id": "EV_1", "room": {"name": "call-1"}, "createdAt": "-9223372036854775808"}',
        b'{"event": "room_started", "id": "EV_1", "room": {"name": "call-\\u0000"}}',
        b'{"event": "room_started", "id": "EV_1", "room": {"name": "call-\\ud800"}}',
        b'{"event": "room_started", "id": "EV_1", "room": {"name": "call-%s"}}' % (b"x" * 200),
        b'{"event": "room_started", "id": "EV_%s", "room": {"name": "call-1"}}' % (b"1" * 200),
        b"[" * 100_000,
        b'{"room": ' * 5_000,
    ],
    ids=lambda body: repr(body[:60]),
)
def test_a_signed_body_that_is_no_event_is_answered_with_400(body: bytes, deliver: Deliver) -> None:
    status, answer = deliver(signed(body))

    assert (status, list(answer)) == (400, ["error"])
    assert answer["error"].startswith("body: ")
    assert not WebhookEvent.objects.exists()


def test_fields_that_this_version_does_not_know_are_ignored(deliver: Deliver) -> None:
    event = webhook_event("room_started", futureField={"a": 1}, numDropped=3)

    assert deliver(signed(event)) == (200, {"outcome": "noted"})


def test_a_body_that_is_too_large_is_refused_before_it_is_parsed(client: Client) -> None:
    request = signed(b'{"event": "room_started", "id": "EV_1", "x": "' + b"x" * (256 * 1024) + b'"}')

    assert request.post(client).status_code == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_webhooks_are_only_posted(method: str, client: Client) -> None:
    assert getattr(client, method)(WEBHOOK_PATH).status_code == 405


def test_a_webhook_needs_no_csrf_token(deliver: Deliver) -> None:
    assert signed(webhook_event("room_started")).post(Client(enforce_csrf_checks=True)).status_code == 200
