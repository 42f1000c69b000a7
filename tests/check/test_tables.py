"""The tables of the tests, between two that commit."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType

from calls.models import Call, Turn
from tests import tables
from tests.factories import make_call, make_turn, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_test_wrote_is_gone() -> None:
    make_user("ada")
    make_turn(make_call(), 1)

    tables.restore()

    assert [model.objects.count() for model in (User, Call, Turn)] == [0, 0, 0]


def test_what_the_migrations_wrote_is_there_again() -> None:
    before = [list(model.objects.order_by("pk").values()) for model in (Group, Permission, ContentType)]
    allowed = Group.permissions.through.objects.count()
    Group.objects.filter(name="Supervisors").update(name="Others")
    ContentType.objects.all().delete()

    tables.restore()

    assert [list(model.objects.order_by("pk").values()) for model in (Group, Permission, ContentType)] == before
    assert Group.permissions.through.objects.count() == allowed > 0
