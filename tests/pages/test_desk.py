"""The desk: live calls that follow by themselves, and the chosen one beside them."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from calls.lifecycle import services
from calls.models import Call
from calls.states import EndReason, Status
from tests.factories import make_call, make_turns
from tests.pages.browser.looking import DESKTOP, TELEPHONE, faults
from tests.pages.browser.windows import Window
from tests.pages.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)

DESK = "/desk/"


def open_desk(page: Page) -> World:
    world = make_world()
    page.goto(DESK)
    expect(page.get_by_role("status").first).to_have_text("2 live, 1 waiting")
    return world


def test_it_shows_live_calls_and_follows_them_by_itself(administrator: User, page: Page) -> None:
    world = open_desk(page)
    rows = page.locator("[data-rows] > li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("+1 202 555 0177")
    expect(rows.first).to_contain_text("Which day suits you?")
    expect(rows.last).to_contain_text("Waiting, number 1")

    make_turns(world.live, "On Wednesday, if you can.")
    expect(rows.first).to_contain_text("On Wednesday, if you can.")

    make_call(Status.IN_PROGRESS, world.number, caller_number="+12025550166")
    expect(rows).to_have_count(3)

    services.end_call(world.waiting.pk, Status.MISSED, EndReason.CALLER_GAVE_UP)
    expect(rows).to_have_count(2)
    expect(page.get_by_role("status").first).to_have_text("2 live, 0 waiting")


def test_a_chosen_call_opens_beside_the_others_and_grows(administrator: User, page: Page) -> None:
    world = open_desk(page)

    page.get_by_role("button", name="+1 202 555 0177").click()
    expect(page.get_by_role("heading", name="Call from +1 202 555 0177")).to_be_visible()
    content = page.locator("[data-call-content]")
    expect(content).to_contain_text("I would like to book a check-up")
    make_turns(world.live, "On Wednesday, if you can.")
    expect(content).to_contain_text("On Wednesday, if you can.")

    services.end_call(world.live.pk, Status.COMPLETED, EndReason.CALLER_LEFT)
    expect(content).to_contain_text("Completed")
    expect(page.get_by_role("button", name="Listen")).to_be_hidden()


def test_filters_choose_and_stay_in_the_address(administrator: User, page: Page) -> None:
    open_desk(page)

    page.get_by_role("combobox", name="Show").select_option("Waiting")

    expect(page.locator("[data-rows] > li")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("combobox", name="Show")).to_have_value("waiting")
    expect(page.locator("[data-rows] > li")).to_have_count(1)


def test_hanging_up_asks_once(administrator: User, page: Page) -> None:
    world = open_desk(page)
    page.get_by_role("button", name="+1 202 555 0188").click()

    page.get_by_role("button", name="Hang up").click()
    assert not Call.objects.get(pk=world.waiting.pk).is_final
    page.get_by_role("button", name="Hang up for everyone?").click()

    expect(page.locator("[data-rows] > li")).to_have_count(1)
    assert Call.objects.get(pk=world.waiting.pk).end_reason == EndReason.HUNG_UP


def test_a_note_is_added_and_seen(administrator: User, page: Page) -> None:
    open_desk(page)
    page.get_by_role("button", name="+1 202 555 0177").click()
    page.get_by_label("Note on the call").fill("Wants a call back.")

    page.get_by_role("button", name="Add note").click()

    expect(page.get_by_text("The note is on the call's page.")).to_be_visible()
    page.get_by_role("link", name="The call's page").click()
    expect(page.get_by_text("Wants a call back.")).to_be_visible()


def test_what_is_refused_is_explained(administrator: User, page: Page, window: Window) -> None:
    open_desk(page)
    page.get_by_role("button", name="+1 202 555 0188").click()

    page.get_by_role("button", name="Listen").click()

    expect(page.get_by_text("Nobody is talking")).to_be_visible()
    window.reports.clear()  # the browser's own report of the 409


def test_a_call_is_chosen_with_the_keyboard(administrator: User, page: Page) -> None:
    open_desk(page)
    page.get_by_role("combobox", name="Show").focus()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Call from +1 202 555 0177")).to_be_visible()


def test_a_chosen_call_has_no_serious_fault(administrator: User, page: Page) -> None:
    open_desk(page)

    def choose() -> None:
        page.get_by_role("button", name="+1 202 555 0177").click()
        expect(page.get_by_role("heading", name="Call from +1 202 555 0177")).to_be_visible()

    assert faults(page, DESK, "light", DESKTOP, choose) == []
    assert faults(page, DESK, "dark", TELEPHONE, choose) == []
