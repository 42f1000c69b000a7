"""Finding a call, reading it, and ending it."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Locator, Page, Request, expect

from calls.models import Call
from calls.states import EndReason, Status
from tests.factories import make_turns
from tests.pages.world import make_world

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/calls/call/"


def rows(page: Page) -> Locator:
    """The calls in the list."""
    return page.locator("#result_list tr.data-row")


def page_of(call: Call) -> str:
    return f"{LIST}{call.pk}/change/"


def test_a_call_is_found_by_what_was_said_in_it(administrator: User, page: Page) -> None:
    make_world()
    page.goto(LIST)
    expect(rows(page)).to_have_count(6)

    page.get_by_role("search").get_by_role("textbox").fill('"Tuesday at ten"')
    page.keyboard.press("Enter")

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("+1 202 555 0123")


def test_a_search_for_too_many_words_says_which_were_left_out(administrator: User, page: Page) -> None:
    make_world()
    page.goto(LIST)

    page.get_by_role("search").get_by_role("textbox").fill("hello i would like to book a check-up for next week")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Only the first 8 words were searched for")).to_be_visible()
    expect(rows(page)).to_have_count(2)


def test_filters_leave_the_calls_of_one_status(administrator: User, page: Page) -> None:
    make_world()
    page.goto(LIST)

    page.get_by_role("button", name="Filters").click()
    page.locator("#changelist-filter").get_by_role("combobox").first.click()
    page.get_by_role("option", name="Missed").click()
    page.get_by_role("button", name="Apply Filters").click()

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("anonymous")


def test_the_page_of_a_call_shows_what_was_said_and_what_happened(administrator: User, page: Page) -> None:
    world = make_world()
    page.goto(page_of(world.ended))

    expect(page.get_by_text("Tuesday at ten.", exact=True)).to_be_visible()
    expect(page.get_by_text("interrupted", exact=True)).to_be_visible()
    expect(page.get_by_text("1720 ms")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="The call ended")).to_contain_text("The caller hung up")


@pytest.mark.fresh_window  # a clock that is installed stays in its window
def test_the_page_of_a_live_call_follows_it_to_its_end(administrator: User, page: Page) -> None:
    call = make_world().live
    page.clock.install()
    page.goto(page_of(call))
    expect(page.get_by_text("live", exact=True)).to_be_visible()

    make_turns(call, "Wednesday at nine.")
    page.clock.run_for(3_500)
    expect(page.get_by_text("Wednesday at nine.")).to_be_visible()
    Call.objects.filter(pk=call.pk).update(
        status=Status.COMPLETED, end_reason=EndReason.CALLER_LEFT, ended_at=timezone.now()
    )
    page.clock.run_for(3_500)
    expect(page.get_by_text("live", exact=True)).to_have_count(0)

    assert is_silent(page, lambda: page.clock.run_for(30_000))


def is_silent(page: Page, act: Callable[[], None]) -> bool:
    """Whether the page asks for nothing while this is done."""
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("request", note)
    act()
    page.remove_listener("request", note)
    return asked == []


def test_hanging_up_asks_first(administrator: User, page: Page) -> None:
    call = make_world().live
    page.goto(page_of(call))

    page.get_by_role("link", name="Hang up").click()
    expect(page.get_by_text("Everyone in the call is disconnected at once")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()

    expect(page.get_by_text("live", exact=True)).to_be_visible()
    call.refresh_from_db()
    assert call.status == Status.IN_PROGRESS
