"""Who may do something with users, tokens or logins does not become somebody who may do more."""

from base64 import b64encode

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from access.models import ApiToken
from tests.factories import client_of, make_user

pytestmark = pytest.mark.django_db

NEW = "another correct horse"


def staff(*permissions: str) -> tuple[User, Client]:
    user, client = make_user("", *permissions, is_staff=True), Client()
    client.force_login(user)
    return user, client


def test_a_token_of_somebody_else_is_made_by_superusers_only() -> None:
    owner = make_user("owner", is_superuser=True)
    manager, client = staff("callcenter.add_apitoken", "callcenter.view_apitoken")
    form = {"name": "Mine", "scope": "admin", "days": 30}

    client.post("/admin/callcenter/apitoken/add/", {**form, "user": owner.pk})
    assert not ApiToken.objects.exists()
    client.post("/admin/callcenter/apitoken/add/", {**form, "user": manager.pk})
    client_of(superuser=True).post("/admin/callcenter/apitoken/add/", {**form, "user": owner.pk})

    assert [token.user for token in ApiToken.objects.order_by("created")] == [manager, owner]


def test_a_superuser_is_changed_by_superusers_only() -> None:
    owner, other = (make_user(name, is_superuser=name == "owner", password="as it was") for name in ("owner", "other"))
    _, client = staff("auth.change_user", "auth.view_user", "auth.delete_user")
    passwords = {"password1": NEW, "password2": NEW, "usable_password": "true"}

    answers = [client.post(f"/admin/auth/user/{user.pk}/password/", passwords).status_code for user in (owner, other)]
    client.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})
    for user in (owner, other):
        user.refresh_from_db()

    assert answers == [403, 302]
    assert owner.check_password("as it was")
    assert other.check_password(NEW)


def test_who_manages_users_gives_nobody_permissions_of_their_own() -> None:
    manager, client = staff("auth.change_user", "auth.view_user")
    form = {"username": manager.username, "first_name": "Mia", "is_active": "on", "is_staff": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "08:00:00"}

    client.post(
        f"/admin/auth/user/{manager.pk}/change/",
        {**form, "is_superuser": "on", "user_permissions": [permission.pk for permission in Permission.objects.all()]},
    )
    manager = User.objects.get(pk=manager.pk)

    assert manager.first_name == "Mia"
    assert not manager.is_superuser
    assert manager.user_permissions.count() == 2


def test_a_one_time_code_is_not_written_down(settings: Settings) -> None:
    settings.ADMIN_REQUIRES_OTP = True

    Client().post("/admin/login/", {"username": "anna", "password": "wrong", "otp_token": "123456"})

    [attempt] = AccessAttempt.objects.all()
    assert "otp_token" in attempt.post_data
    assert "123456" not in attempt.post_data


@pytest.mark.parametrize("name", ["x" * 151, "x" * 100_000, "a\0b"])
def test_a_name_that_nobody_can_have_is_refused(name: str) -> None:
    credentials = b64encode(f"{name}:wrong".encode()).decode()

    page = Client().post("/admin/login/", {"username": name, "password": "wrong"})
    answer = Client().get("/api/calls/", headers={"Authorization": f"Basic {credentials}"})

    assert (page.status_code, answer.status_code) == (200, 401)
    assert page.context["form"].errors["username"]


@pytest.mark.parametrize("token", ["\0", "é" * 10, "%00", "a" * 10_000, "' OR 1=1"])
def test_a_token_that_none_can_be_is_refused(token: str) -> None:
    assert Client().get("/api/calls/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
