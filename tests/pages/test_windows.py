"""The window that tests use one after another."""

import pytest
from playwright.sync_api import Page

from tests.pages.browser.windows import Window

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = "() => [document.cookie, localStorage.length, matchMedia('(prefers-color-scheme: dark)').matches]"
FRESH = ["", 0, False]


def test_a_window_forgets_what_a_test_left_in_it(page: Page, shared_window: Window, site: str) -> None:
    page.goto("/admin/login/")
    page.emulate_media(color_scheme="dark")
    page.evaluate("() => { document.cookie = 'left=1'; localStorage.setItem('adminTheme', 'dark'); }")
    assert page.evaluate(KEPT) != FRESH

    shared_window.forget(site)

    assert page.evaluate(KEPT) == FRESH
