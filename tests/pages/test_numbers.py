"""Phone numbers: who may add one where, and what the list says of each."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from calls.models import PhoneNumber
from tests.factories import make_number, make_persona

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/calls/phonenumber/"
LONDON = "+44 20 7946 0018"


def add(page: Page, number: str) -> None:
    """Fill in the form of a new number that Anna answers, and save it."""
    page.goto(f"{LIST}add/")
    page.get_by_label("Number").first.fill(number)
    page.get_by_label("Persona").first.select_option(label="Anna")
    page.get_by_role("button", name="Save", exact=True).click()


def test_an_administrator_adds_the_first_number_of_a_country(administrator: User, page: Page) -> None:
    make_number("+12025550100", make_persona("Anna"))

    add(page, LONDON)

    expect(page.get_by_text("was added successfully")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=LONDON)).to_contain_text("Takes calls")


def test_a_supervisor_is_told_who_can_open_a_country(supervisor: User, page: Page) -> None:
    make_number("+12025550100", make_persona("Anna"))

    add(page, LONDON)

    expect(page.get_by_text("ask an administrator to add it, or to set OUTBOUND_COUNTRIES")).to_be_visible()
    expect(page.get_by_label("Number").first).to_have_value(LONDON)
    assert not PhoneNumber.objects.filter(e164="+442079460018").exists()


def test_a_number_is_closed_in_the_list(supervisor: User, page: Page) -> None:
    make_number("+12025550100", make_persona("Anna"))
    page.goto(LIST)

    page.get_by_role("row").filter(has_text="+1 202 555 0100").get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("row").filter(has_text="+1 202 555 0100")).to_contain_text("Calls are rejected")


def test_a_number_whose_persona_is_no_more_than_a_draft_says_so(administrator: User, page: Page) -> None:
    number = make_number("+12025550100", make_persona("Anna", published=False))

    page.goto(f"{LIST}{number.pk}/change/")

    expect(page.get_by_text("This number rejects calls until Anna is published.")).to_be_visible()
