"""Opening hours are written in a browser, chosen on a number, and in force at once."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from calls.models import OpeningHours
from tests.factories import make_hours, make_number

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/calls/openinghours/add/"


def test_a_day_is_written_into_the_usual_week_and_the_others_stay_closed(administrator: User, page: Page) -> None:
    page.goto(ADD)
    page.locator("#id_name").fill("Fridays")
    page.get_by_label("Time zone").select_option(label="Europe/Berlin")
    page.locator("#id_intervals-4-opens").fill("22:00")
    page.locator("#id_intervals-4-closes").fill("02:00")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was added successfully")).to_be_visible()
    hours = OpeningHours.objects.get()
    assert (hours.time_zone, str(hours.intervals.get())) == ("Europe/Berlin", "Friday 22:00–02:00")


def test_an_interval_and_a_holiday_are_added_below_the_others(administrator: User, page: Page) -> None:
    hours = make_hours("Practice", (0, "09:00", "12:00"))
    page.goto(f"/admin/calls/openinghours/{hours.pk}/change/")

    page.get_by_role("link", name="Add another Interval").click()
    page.locator("#id_intervals-1-opens").fill("13:00")
    page.locator("#id_intervals-1-closes").fill("17:00")
    page.get_by_role("link", name="Add another Holiday").click()
    page.locator("#id_holidays-0-name").fill("Christmas")
    page.locator("#id_holidays-0-first_day").fill("2026-12-25")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert [str(row) for row in hours.intervals.all()] == ["Monday 09:00–12:00", "Monday 13:00–17:00"]
    assert str(hours.holidays.get()) == "Christmas, 2026-12-25, closed"


def test_a_number_is_closed_as_soon_as_it_has_hours(administrator: User, page: Page) -> None:
    make_hours("Never")
    number = make_number("+12025550100")
    page.goto(f"/admin/calls/phonenumber/{number.pk}/change/")
    expect(page.get_by_text("Always open.", exact=True)).to_be_visible()

    page.get_by_label("Opening hours").select_option(label="Never")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("row").filter(has_text="+1 202 555 0100")).to_contain_text("Closed: message and goodbye")
