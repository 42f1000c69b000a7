"""Signing in and out."""

import pytest
from django.contrib.auth.models import User
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page, expect

from access import devices
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct horse battery"


def code_of(device: TOTPDevice) -> str:
    """What the authenticator app shows now."""
    return f"{totp(device.bin_key, device.step, device.t0, device.digits):06}"


def log_in(page: Page, password: str, code: str = "") -> None:
    """Fill in the form, and send it with the Enter key."""
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_label("One-time code").fill(code)
    page.keyboard.press("Enter")


def test_password_and_code_open_the_page_that_was_asked_for(page: Page) -> None:
    device, _ = devices.enrol(make_user("ada", is_staff=True, is_superuser=True, password=PASSWORD))
    page.goto("/admin/calls/phonenumber/")

    log_in(page, "wrong")
    expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()
    log_in(page, PASSWORD, code_of(device))

    expect(page).to_have_url("/admin/calls/phonenumber/")
    expect(page.get_by_role("heading", name="Phone numbers")).to_be_visible()


def test_who_logs_out_sees_nothing_any_more(administrator: User, page: Page) -> None:
    page.goto("/admin/")
    page.get_by_role("button", name="ada").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Thanks for spending some quality time")).to_be_visible()

    page.goto("/admin/")

    expect(page.get_by_label("Username")).to_be_visible()
