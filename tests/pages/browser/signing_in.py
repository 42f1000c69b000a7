"""A browser in which somebody is signed in, with password and one-time code, without going through the login page."""

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from playwright.sync_api import BrowserContext

from access import devices


def sign_in(context: BrowserContext, site: str, user: User) -> User:
    """Give the browser the user's session at this site. Returns the user."""
    device, _ = devices.enrol(user)
    client = Client()
    client.force_login(user)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.save()
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session.session_key), "url": site}])
    return user
