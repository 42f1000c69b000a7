"""Twilio's own SDK, with the account of the settings."""

import json
import logging
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from calls.provisioning.changes import CannotProvision

WITHIN_S = 15.0
ERRORS = (TwilioException, requests.RequestException)
"""What a request may raise."""


class _ElsewhereClient(TwilioHttpClient):  # type: ignore[misc]  # the package has no type hints
    """Sends requests for any of Twilio's hosts to TWILIO_BASE_URL, which replaces them."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{settings.TWILIO_BASE_URL}{parts.path}{query}", *args, **kwargs)


def client() -> Client:
    """A client of the account in the settings. Raises CannotProvision when there is none."""
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        if not getattr(settings, name):
            raise CannotProvision(f"{name} is not set: copy it from Twilio's console (Account info) into .env.")
    http = _ElsewhereClient if settings.TWILIO_BASE_URL else TwilioHttpClient
    quiet = logging.Logger("twilio", logging.CRITICAL)  # it logs requests
    return Client(
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http(timeout=WITHIN_S, logger=quiet)
    )


def refused(error: Exception) -> str:
    """One line about a request that failed, with the cure where there is one."""
    status, document = _answer(error)
    if status is None:
        return f"Twilio cannot be reached: {type(error).__name__}."
    if status == 401:
        return "Twilio refuses the account: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
    return f"Twilio refused (status {status}, code {document.get('code')}): {document.get('message')}"


def _answer(error: Exception) -> tuple[int | None, dict[str, Any]]:
    """Status and document of Twilio's answer; the SDK keeps those of a list's page as they came."""
    if isinstance(error, TwilioRestException):
        return error.status, {"code": error.code, "message": error.msg}
    response = error.args[1] if len(error.args) > 1 else None
    if not isinstance(response, Response):
        return None, {}
    try:
        document = json.loads(response.text)
    except ValueError:
        document = None
    return response.status_code, document if isinstance(document, dict) else {}
