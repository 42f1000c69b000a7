"""Tokens: what their scopes allow, never more than their owner may, and how they are made and end."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.views import APIView

from access.models import ApiToken
from access.permissions import HasScope
from tests.factories import client_of, make_user

pytestmark = pytest.mark.django_db

EVERYTHING = ("calls.view_call", "calls.dispatch_call")


def token_for(user: User, scope: str = "read", **values: Any) -> str:
    text: str = ApiToken.objects.create(user=user, name="test", scope=scope, **values)[1]
    return text


def asked(token: str) -> int:
    return Client().get("/api/calls/", headers={"Authorization": f"Bearer {token}"}).status_code


def allowed(scope: str, user: User, token_scope: str | None = None) -> bool:
    """What the permission class says to a request of this user, by session or by a token."""
    request = Request(RequestFactory().get("/"))
    request.user = user
    request.auth = None if token_scope is None else ApiToken(user=user, scope=token_scope)
    return HasScope.of(scope)().has_permission(request, APIView())


@pytest.mark.parametrize(
    ("held", "open_to"),
    [("read", ["read"]), ("dispatch", ["read", "dispatch"]), ("admin", ["read", "dispatch", "admin"])],
)
def test_a_scope_includes_the_ones_before_it(held: str, open_to: list[str]) -> None:
    owner = make_user(is_superuser=True)

    assert [scope for scope in ("read", "dispatch", "admin") if allowed(scope, owner, held)] == open_to


def test_a_token_can_do_no_more_than_its_owner() -> None:
    reader, dispatcher = make_user("", "calls.view_call"), make_user("", *EVERYTHING)

    assert [scope for scope in ("read", "dispatch", "admin") if allowed(scope, reader, "admin")] == ["read"]
    assert [scope for scope in ("read", "dispatch", "admin") if allowed(scope, dispatcher, "admin")] == [
        "read",
        "dispatch",
    ]


def test_a_person_needs_the_permission() -> None:
    assert not allowed("read", make_user())
    assert not allowed("dispatch", make_user("", "calls.view_call"))
    assert allowed("dispatch", make_user("", "calls.dispatch_call"))
    assert not allowed("admin", make_user("", *EVERYTHING))
    assert allowed("admin", make_user(is_superuser=True))


def test_supervisors_dispatch_and_viewers_do_not() -> None:
    for group, may in (("Supervisors", True), ("Viewers", False)):
        client_of(group, username=group)
        assert User.objects.get(username=group).has_perm("calls.dispatch_call") is may


def test_a_token_opens_the_api_until_it_expires_is_revoked_or_its_owner_leaves() -> None:
    owner = make_user("", "calls.view_call")
    good, old, revoked = token_for(owner), token_for(owner), token_for(owner)
    ApiToken.objects.filter(token_key=old[:15]).update(expiry=timezone.now() - timedelta(seconds=1))
    ApiToken.objects.filter(token_key=revoked[:15]).delete()

    assert [asked(token) for token in (good, old, revoked, "", good[:-1])] == [200, 401, 401, 401, 401]
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert asked(good) == 401


def test_only_the_digest_of_a_token_is_stored() -> None:
    token = token_for(make_user())

    [row] = ApiToken.objects.values()
    assert token not in str(row)


def test_the_admin_shows_a_new_token_once() -> None:
    client = client_of(superuser=True)
    owner = make_user("", "calls.view_call")
    form = {"name": "Reporting", "user": owner.pk, "scope": "read", "days": 30}

    answer = client.post("/admin/callcenter/apitoken/add/", form)

    made = ApiToken.objects.get()
    token = answer.context["token"]
    assert asked(token) == 200
    assert token in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert 29 <= (made.expiry - timezone.now()).days <= 30
    for path in ("/admin/callcenter/apitoken/", f"/admin/callcenter/apitoken/{made.pk}/change/", "/admin/"):
        page = client.get(path)
        assert page.status_code == 200
        assert token not in page.content.decode()


def test_a_token_is_made_on_the_command_line() -> None:
    make_user("reporter", "calls.view_call")
    out = StringIO()

    call_command("make_token", "reporter", "--scope", "read", "--days", "2", stdout=out)

    assert asked(out.getvalue().strip()) == 200
    with pytest.raises(CommandError, match="no user nobody"):
        call_command("make_token", "nobody")


def test_writing_is_limited_and_reading_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from access.throttling import WriteThrottle

    monkeypatch.setattr(WriteThrottle, "rate", "2/min", raising=False)
    client = Client(headers={"Authorization": f"Bearer {token_for(make_user(is_superuser=True), 'admin')}"})

    assert [client.get("/api/calls/").status_code for _ in range(5)] == [200] * 5
    answers = [client.post("/api/turns/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [405, 405, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
