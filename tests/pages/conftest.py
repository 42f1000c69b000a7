"""Chromium, the product's web process, and a browser in which somebody is signed in.

Every test fails when the browser reports something during it: tests/pages/browser/watching.py.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_playwright.pytest_playwright import CreateContextCallback

from tests.factories import make_user
from tests.pages.browser import watching
from tests.pages.browser.looking import DESKTOP
from tests.pages.browser.serving import serving
from tests.pages.browser.signing_in import sign_in
from tests.pages.browser.windows import Window
from tests.product.fixtures import empty_queues
from tests.product.stack import Stack
from tools.local import Instance, Redis
from tools.setup.packages import find_chromium

PATIENCE_MS = 15_000  # of a test, on a busy machine
START_MS = 60_000  # for Chromium to start there
# Of what the group Supervisors may.
SUPERVISED = (
    *("agents.view_persona", "agents.change_persona", "agents.publish_persona", "agents.view_personaversion"),
    *("agents.view_personatool", "calls.view_phonenumber", "calls.add_phonenumber", "calls.change_phonenumber"),
)
ARGUMENTS = [
    "--no-sandbox",  # root has none, and every page here is our own
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
]


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright, started for this package only: pytest-playwright's own fixture lasts as long as pytest.

    Its sync API keeps an event loop in the main thread, in a greenlet of its own. asyncio's tests could not run
    meanwhile, and Django takes it for async code, which ours is not.
    """
    expect.set_options(timeout=PATIENCE_MS)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as started:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """The system's Chromium; Playwright's own browsers are not downloaded."""
    program = find_chromium()
    if program is None:
        pytest.fail("no Chromium here, in which pages are tested: scripts/setup --tests installs it", pytrace=False)
    options = {"executable_path": program, "args": ARGUMENTS, "timeout": START_MS, **browser_type_launch_args}
    browser = playwright.chromium.launch(**options)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def voices() -> Iterator[None]:
    """ElevenLabs, simulated."""
    stack = Stack()
    try:
        stack.start_simulator()
        stack.wait_until_healthy("simulator")
        yield
    finally:
        stack.stop()


@pytest.fixture(scope="package")
def site(
    playwright: Playwright,
    rabbitmq: Instance,
    redis: Redis,
    voices: None,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """The address of the product's web application. Logins need a one-time code.

    With Playwright comes the leave to use the database where an event loop runs, as it does in the server's thread.
    """
    with django_db_blocker.unblock(), override_settings(ADMIN_REQUIRES_OTP=True), serving() as address:
        yield address
    empty_queues()


@pytest.fixture(scope="package")
def browser_context_args(site: str) -> dict[str, Any]:
    return {"base_url": site, "viewport": DESKTOP, "locale": "en-US", "timezone_id": "UTC", "reduced_motion": "reduce"}


@pytest.fixture(scope="package")
def shared_window(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Window]:
    """A window for most tests: its page spares each of them the loading of styles, scripts and fonts."""
    context = browser.new_context(**browser_context_args)
    reports = watching.watch(context)
    yield Window(context.new_page(), reports)
    context.close()


@pytest.fixture
def window(request: pytest.FixtureRequest, transactional_db: None, site: str) -> Iterator[Window]:
    """A browser window without cookies and storage. What the browser reports meanwhile fails the test.

    It is a fresh one for a test that is marked `fresh_window`, and for pytest-playwright to record.
    """
    if request.node.get_closest_marker("fresh_window") or is_recorded(request.config):
        new_context: CreateContextCallback = request.getfixturevalue("new_context")
        context = new_context()
        reports = watching.watch(context)
        window = Window(context.new_page(), reports)
    else:
        window = request.getfixturevalue("shared_window")
        window.forget(site)
    window.context.set_default_timeout(PATIENCE_MS)
    yield window
    window.leave()
    assert window.reports == []


@pytest.fixture
def context(window: Window) -> BrowserContext:
    return window.context


@pytest.fixture
def page(window: Window) -> Page:
    return window.page


def is_recorded(config: pytest.Config) -> bool:
    """Whether screenshots, videos or traces are asked for, which pytest-playwright makes of its own windows."""
    return any(config.getoption(option) != "off" for option in ("--screenshot", "--video", "--tracing"))


@pytest.fixture
def administrator(page: Page, site: str) -> User:
    """A superuser, who is signed in."""
    return sign_in(page.context, site, make_user("ada", is_staff=True, is_superuser=True))


@pytest.fixture
def supervisor(page: Page, site: str) -> User:
    """Somebody who edits and publishes, as supervisors do, and who is signed in."""
    return sign_in(page.context, site, make_user("sofia", *SUPERVISED, is_staff=True))
