"""The first page: the day's figures, and the way to a call."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from calls.states import Status
from tests.factories import make_call
from tests.pages.world import make_world

pytestmark = pytest.mark.django_db(transaction=True)

CALLER = "+1 202 555 0177"


def card(page: Page, title: str) -> Locator:
    """The card with this title."""
    return page.locator(".cc-number").filter(has=page.get_by_role("heading", name=title))


def test_the_day_is_summed_up_and_each_call_is_a_link(administrator: User, page: Page) -> None:
    make_world()
    page.goto("/admin/")

    expect(card(page, "Live calls")).to_contain_text("2")
    expect(card(page, "Calls today")).to_contain_text("6")
    page.get_by_role("row").filter(has_text="+1 202 555 0123").get_by_role("link").first.click()

    expect(page.get_by_role("heading", name="Call from +1 202 555 0123")).to_be_visible()


@pytest.mark.fresh_window  # a clock that is installed stays in its window
def test_a_call_that_comes_in_is_shown_without_a_reload(administrator: User, page: Page) -> None:
    page.clock.install()
    page.goto("/admin/")
    expect(page.get_by_text("No calls yet.")).to_be_visible()

    make_call(Status.IN_PROGRESS, caller_number=CALLER.replace(" ", ""))
    page.clock.run_for(11_000)

    expect(page.get_by_text(CALLER)).to_be_visible()
    expect(card(page, "Live calls")).to_contain_text("1")
