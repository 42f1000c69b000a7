"""Every URL of the resolver, so that a new one is tried too: by a stranger, a viewer, a token, and an administrator."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core import serializers
from django.db.models import Model
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from access.models import ApiToken
from agents.models import Persona, PersonaTool, PersonaVersion, ToolSecret
from calls.models import (
    Call,
    CallEvent,
    DeadLetter,
    Erasure,
    Holiday,
    OpeningHours,
    OpeningInterval,
    PhoneNumber,
    Turn,
)
from desk.board import views
from tests.factories import client_of, make_user
from tests.security.urls import filled, routes
from tests.security.world import CALLER, TOOL_SECRET, WORDS, World, make_world

pytestmark = pytest.mark.django_db

# What a stranger may ask for. Webhooks verify a signature, /metrics a bearer token.
OPEN = {"/admin/login/"}
SIGNED = ("/webhooks/", "/metrics")
REFUSALS = {400, 401, 403, 404, 405, 415}
METHODS = ("get", "post", "put", "patch", "delete")
# What nobody but their owners may change.
GUARDED = (
    *(Persona, PersonaTool, PersonaVersion, ToolSecret, PhoneNumber, Call, CallEvent, Turn, DeadLetter, Erasure),
    *(OpeningHours, OpeningInterval, Holiday, User, Group, ApiToken, TOTPDevice),
)


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture(autouse=True)
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Event streams are over after their first event."""
    monkeypatch.setattr(views, "STREAM_S", 0.0)


def paths(world: World) -> list[str]:
    return [filled(route, world.rows) for route in routes()]


def state() -> str:
    """Every guarded row, without what a login changes."""
    rows: list[Model] = []
    for model in GUARDED:
        manager: Any = model._default_manager
        rows += manager.order_by("pk")
    for row in rows:
        if isinstance(row, User):
            row.last_login = None
    return str(serializers.serialize("json", rows))


def configured_secrets() -> list[str]:
    names = ("SECRET_KEY", "LIVEKIT_API_SECRET", "TOOL_SIGNING_KEY", "METRICS_TOKEN")
    keys = [str(getattr(settings, name)) for name in names] + list(settings.FIELD_ENCRYPTION_KEYS)
    passwords = [urlsplit(url).password or "" for url in (settings.DATABASE_URL, settings.CELERY_BROKER_URL)]
    return [secret for secret in (*keys, *passwords) if secret]


def test_the_resolver_is_read_as_a_whole() -> None:
    found = set(routes())

    assert {"/admin/calls/call/<object_id>/change/", "/api/calls/<pk>/", "/webhooks/livekit", "/metrics"} <= found
    assert len(found) > 100


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_gets_nothing_anywhere(method: str, world: World) -> None:
    before = state()
    for path in paths(world):
        if path in OPEN:
            continue
        response = getattr(Client(), method)(path)
        to = response.headers.get("Location", "")
        refused = response.status_code in REFUSALS
        sent_away = response.status_code in {301, 302} and (to.startswith("/admin/") or to == f"{path}/")
        assert refused or sent_away, f"{method} {path}: {response.status_code} {to}"
        for secret in (CALLER, WORDS, TOOL_SECRET, world.token):
            assert secret not in response.content.decode(errors="replace"), f"{method} {path}"
    assert state() == before


def test_a_stranger_with_a_made_up_token_is_refused(world: World) -> None:
    client = Client(headers={"Authorization": "Bearer " + "0" * 64})
    for path in paths(world):
        if path.startswith("/api/") or path.startswith(("/stats", "/manual")):
            assert client.get(path).status_code in {302, *REFUSALS}, path


@pytest.mark.parametrize("group", ["", "Viewers"])
def test_a_viewer_changes_nothing_anywhere(group: str, world: World) -> None:
    client = client_of(group)
    before = state()
    for path in paths(world):
        for method in METHODS[:2] if path.startswith("/admin/") else METHODS:  # to Django's admin, others are a GET
            response = getattr(client, method)(path)
            assert response.status_code < 500, f"{method} {path}"
        client.force_login(User.objects.latest("pk"))  # one of the paths logs out
    assert state() == before


def test_staff_without_a_group_reads_nothing_about_calls(world: World) -> None:
    client = client_of()
    for path in paths(world):
        page = client.get(path).content.decode(errors="replace")
        assert CALLER not in page, path
        assert WORDS not in page, path


def test_no_page_breaks_and_none_shows_a_secret_to_an_administrator(world: World) -> None:
    secrets = [TOOL_SECRET, world.token, *configured_secrets()]
    for path in paths(world):
        client = client_of(superuser=True)
        response = client.get(path)
        assert response.status_code < 500, path
        page = b"".join(response).decode(errors="replace") if response.streaming else response.content.decode()
        assert not [secret for secret in secrets if secret in page], path


def test_a_stolen_token_of_a_viewer_only_reads(world: World) -> None:
    thief = _with_token("read", "Viewers")
    before = state()
    for path in paths(world):
        for method in ("post", "put", "patch", "delete"):
            status = getattr(thief, method)(path).status_code
            assert status in {301, 302, *REFUSALS} or path in OPEN, f"{method} {path}: {status}"
    assert thief.get("/api/calls/").status_code == 200
    assert thief.get("/admin/calls/call/").status_code == 302
    assert state() == before


def _with_token(scope: str, group: str = "", *, superuser: bool = False) -> Client:
    user = make_user(is_staff=True, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name=group))
    _, token = ApiToken.objects.create(user=user, name="test", scope=scope)
    return Client(headers={"Authorization": f"Bearer {token}"})
