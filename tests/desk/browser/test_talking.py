"""Talking to a persona in a real browser, over a real LiveKit, with a real worker."""

import os
import re

import pytest
from playwright.sync_api import Page, Route, expect

from calls.models import Call, PhoneNumber
from calls.models.history import Speaker
from calls.states import EndReason, Status
from tests.factories import make_user
from tests.pages.browser.signing_in import sign_in
from tests.product.stack import Stack, eventually, final_call
from tools.local.ports import LOOPBACK

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "quiet")]

ANSWERED_MS = 30_000
NOISES = """
name: a caller who only makes noises
caller:
  steps: [hang_up]
"""


def open_panel(page: Page, asked: str) -> None:
    site = f"http://{LOOPBACK}:{os.environ['WEB_PORT']}"
    sign_in(page.context, site, make_user("admin", is_staff=True, is_superuser=True))
    page.goto(f"{site}/desk/talk/?{asked}")


def test_a_supervisor_talks_to_the_draft(stack: Stack, number: PhoneNumber, page: Page) -> None:
    stack.script(NOISES)
    persona = number.persona
    persona.greeting = "Hello, this is the draft."
    persona.save()
    open_panel(page, f"persona={persona.pk}")

    page.get_by_role("button", name="Call Anna").click()
    page.wait_for_function("document.querySelector('[data-meter=agent]').value > 0.02", timeout=ANSWERED_MS)
    expect(page.get_by_role("status")).to_have_text("Connected", timeout=ANSWERED_MS)
    page.wait_for_function("document.querySelector('[data-meter=mine]').value > 0.02")
    expect(page.get_by_text("Hello, this is the draft.")).to_be_visible(timeout=ANSWERED_MS)

    page.get_by_role("button", name="5", exact=True).click()
    call = Call.objects.get()
    eventually(lambda: call.events.filter(kind="dtmf", detail__digit="5").exists(), "the key")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_role("status")).to_have_text("You hung up")
    call = final_call(call.room_name)

    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    assert call.is_test
    assert call.persona_version is not None
    assert call.persona_version.number is None
    assert call.turns.filter(speaker=Speaker.AGENT, text="Hello, this is the draft.").exists()
    link = page.get_by_role("link", name="The call's page")
    expect(link).to_have_attribute("href", re.compile(str(call.pk)))


def test_a_reload_hangs_up(stack: Stack, number: PhoneNumber, page: Page) -> None:
    stack.script(NOISES)
    open_panel(page, f"number={number.pk}")
    page.get_by_role("button", name="Call Anna").click()
    expect(page.get_by_role("status")).to_have_text("Connected", timeout=ANSWERED_MS)

    page.reload()

    call = final_call(Call.objects.get().room_name)
    assert (call.status, call.end_reason) == (Status.COMPLETED, EndReason.CALLER_LEFT)
    expect(page.get_by_role("button", name="Call Anna")).to_be_visible()


def test_a_microphone_that_is_refused_is_explained_and_nobody_is_called(number: PhoneNumber, page: Page) -> None:
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    )
    open_panel(page, f"number={number.pk}")

    page.get_by_role("button", name="Call Anna").click()

    expect(page.get_by_role("status")).to_contain_text("The microphone is blocked.")
    expect(page.get_by_role("button", name="Call Anna")).to_be_visible()
    assert not Call.objects.exists()


def test_who_hangs_up_while_it_connects_calls_nobody(number: PhoneNumber, page: Page) -> None:
    open_panel(page, f"number={number.pk}")
    tickets: list[Route] = []
    page.route("**/desk/talk/start/", lambda route: tickets.append(route))
    with page.expect_request("**/desk/talk/start/"):
        page.get_by_role("button", name="Call Anna").click()

    page.get_by_role("button", name="Hang up").click()
    with page.expect_response("**/desk/talk/start/"):
        tickets[0].continue_()

    expect(page.get_by_role("status")).to_have_text("You hung up")
    expect(page.get_by_role("button", name="Call Anna")).to_be_visible()
    assert not Call.objects.exists()


def test_a_livekit_that_browsers_do_not_reach_is_named(number: PhoneNumber, page: Page, reports: list[str]) -> None:
    open_panel(page, f"number={number.pk}")
    page.route(
        "**/desk/talk/start/",
        lambda route: route.fulfill(json={"url": f"ws://{LOOPBACK}:9", "token": "x", "room": "call-browser-x"}),
    )

    page.get_by_role("button", name="Call Anna").click()

    expect(page.get_by_role("status")).to_contain_text(f"{LOOPBACK}:9 does not answer", timeout=ANSWERED_MS)
    reports.clear()
