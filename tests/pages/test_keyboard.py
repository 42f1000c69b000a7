"""Every page can be used without a mouse."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.pages.world import make_world

pytestmark = pytest.mark.django_db(transaction=True)

# What somebody can see and do something with. Radio buttons of a group are one stop of the Tab key.
CONTROLS = """
() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden], [type=radio]), select, textarea, audio[controls], [x-on\\\\:click]",
)].filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.textContent + each.value !== ""
  && !each.disabled && !each.matches(".select2-hidden-accessible"))
"""
MARK_CONTROLS = f"() => {{ window.left = new Set(({CONTROLS})()); return window.left.size; }}"
# Takes the focused element off, and says whether one sees that it has the focus.
TAKE_OFF = """
() => {
  const focused = document.activeElement;
  window.left.delete(focused);
  if (focused === document.body) return "body";
  const around = [focused, focused.parentElement, focused.parentElement?.parentElement].filter(Boolean);
  const seen = around.some((each) => {
    const style = getComputedStyle(each);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  });
  return seen ? "seen" : focused.outerHTML.slice(0, 200);
}
"""
LEFT = "() => [...window.left].map((each) => each.outerHTML.slice(0, 200))"
MOST_STOPS = 150


@pytest.mark.parametrize("path", ["/admin/", "/admin/calls/call/", "/admin/calls/phonenumber/add/"])
def test_tab_reaches_everything_and_shows_where_it_is(administrator: User, page: Page, path: str) -> None:
    make_world()
    page.goto(path)
    assert page.evaluate(MARK_CONTROLS) > 10

    # Where a form is for something new, Django puts the focus into its first field, once that is visible: Tab then goes
    # from there to the end of the page, and on from its beginning.
    unseen = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        where = page.evaluate(TAKE_OFF)
        if where == "body" and not page.evaluate(LEFT):
            break
        if where not in ("body", "seen"):
            unseen.append(where)

    assert page.evaluate(LEFT) == []
    assert unseen == []


def test_the_first_stop_leads_past_the_menu(administrator: User, page: Page) -> None:
    make_world()
    page.goto("/admin/calls/call/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('#content') !== null")


def test_the_menu_of_the_user_opens_and_theme_and_log_out_are_reached(administrator: User, page: Page) -> None:
    page.goto("/admin/")
    page.get_by_role("button", name="ada").focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Light")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_class("dark")

    page.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Thanks for spending some quality time")).to_be_visible()


def test_filters_open_and_close_by_keys(administrator: User, page: Page) -> None:
    make_world()
    page.goto("/admin/calls/call/")
    page.get_by_role("button", name="Filters").focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Apply Filters")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Apply Filters")).to_be_hidden()
