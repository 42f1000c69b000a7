"""Phone numbers in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from calls.models import PhoneNumber
from calls.models.phone_number import Overflow
from tests.factories import client_of, make_number, make_persona

pytestmark = pytest.mark.django_db

LIST, ADD = "/admin/calls/phonenumber/", "/admin/calls/phonenumber/add/"


def _form(**values: Any) -> dict[str, Any]:
    form = {"e164": "+1 (202) 555-0100", "label": "Front desk", "is_active": "on", "max_calls": 10, "ring_time_s": 30}
    form |= {"overflow": "message", "overflow_message": "All our lines are busy. Goodbye."}
    return {**form, "after_hours": "message", "after_hours_message": "We are closed. Goodbye.", **values}


def _in_list(number_id: int) -> dict[str, str]:
    """The list's form, in which the number is closed."""
    return {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(number_id), "_save": "Save"}


def test_a_number_is_stored_as_e164_however_it_is_written() -> None:
    client_of("Supervisors").post(ADD, _form(persona=make_persona().pk))
    assert PhoneNumber.objects.get().e164 == "+12025550100"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"e164": "555 0100"}, "Write the number with its country code: for example +1 202 555 0100."),
        ({"e164": "+1 202 555"}, "This number is too short or too long for its country."),
        ({"e164": ""}, "Write the number that callers dial."),
        ({"persona": ""}, "Choose who answers this number."),
        ({"max_calls": 0}, "At least 1; make the number inactive to take no calls."),
    ],
)
def test_a_mistake_is_explained_once(values: dict[str, Any], message: str) -> None:
    response = client_of("Supervisors").post(ADD, _form(**{"persona": make_persona().pk, **values}))
    assert response.content.decode().count(message) == 1
    assert not PhoneNumber.objects.exists()


def test_a_number_that_exists_already_is_not_added_again() -> None:
    number = make_number("+12025550100")
    response = client_of("Supervisors").post(ADD, _form(persona=number.persona_id))
    assert "This number is already in the list: edit it there." in response.content.decode()


def test_a_number_is_switched_off_in_the_list() -> None:
    number = make_number()
    client_of("Supervisors").post(LIST, _in_list(number.pk))
    number.refresh_from_db()
    assert not number.is_active


def test_a_number_whose_transfer_may_no_longer_be_dialed_can_be_closed(settings: Settings) -> None:
    number = make_number("+12025550100", overflow=Overflow.TRANSFER, overflow_number="+12025550199")
    settings.OUTBOUND_DENIED_PREFIXES = ["+1202555"]

    client_of("Supervisors").post(LIST, _in_list(number.pk))

    number.refresh_from_db()
    assert not number.is_active


def test_a_number_that_somebody_has_deleted_meanwhile_is_missed_in_the_list() -> None:
    number = make_number("+12025550100")

    page = client_of("Supervisors").post(LIST, _in_list(number.pk + 1))

    assert page.status_code == 200
    assert list(page.context["cl"].formset.errors[0]) == ["id"]


def test_a_viewer_sees_numbers_but_cannot_add_or_edit_them() -> None:
    number = make_number()
    client = client_of("Viewers")
    assert client.get("/admin/calls/phonenumber/").status_code == 200
    assert client.get(ADD).status_code == 403
    assert client.post(f"/admin/calls/phonenumber/{number.pk}/change/", _form()).status_code == 403


def test_the_groups_come_with_the_migrations() -> None:
    supervisors, viewers = (
        {f"{each.content_type.app_label}.{each.codename}" for each in Group.objects.get(name=name).permissions.all()}
        for name in ("Supervisors", "Viewers")
    )
    assert all(permission.split(".")[1].startswith("view_") for permission in viewers)
    assert viewers < supervisors
    assert {"agents.publish_persona", "calls.change_phonenumber"} <= supervisors
    assert not any(permission.startswith("auth.") for permission in supervisors)


def test_a_persona_that_is_not_live_yet_is_marked_where_it_is_chosen() -> None:
    make_persona("Ben", published=False)
    make_persona("Anna")
    page = client_of("Supervisors").get(ADD).content.decode()
    assert page.count("Ben (not live yet)") == 3  # who answers, when nobody is free, and when the number is closed
    assert "Anna (not live yet)" not in page


def test_a_number_whose_persona_is_not_live_yet_says_that_it_rejects_calls() -> None:
    client = client_of("Supervisors")
    saved = client.post(ADD, _form(persona=make_persona("Ben", published=False).pk), follow=True).content.decode()
    page = client.get(f"/admin/calls/phonenumber/{PhoneNumber.objects.get().pk}/change/").content.decode()
    assert "+1 202 555 0100 rejects calls: Ben is not live yet." in saved
    assert "This number rejects calls until" in page
    page = client.get(f"/admin/calls/phonenumber/{make_number().pk}/change/").content.decode()
    assert "This number rejects calls until" not in page
