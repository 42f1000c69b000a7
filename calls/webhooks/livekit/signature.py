"""LiveKit signs a webhook with a JWT that holds the sha256 of the body.

https://docs.livekit.io/home/server/webhooks/
"""

import hashlib
import hmac
from base64 import b64decode

import jwt
from django.conf import settings
from google.protobuf.json_format import Parse, ParseError
from livekit.api import TokenVerifier, WebhookEvent


class BadSignature(Exception):
    """The request does not prove that LiveKit sent it."""


class BadBody(Exception):
    """The body is signed, but is not a webhook event."""


def verified_event(body: bytes, authorization: str) -> WebhookEvent:
    """Return the event that `body` holds. Raises BadSignature or BadBody."""
    token = authorization.removeprefix("Bearer ").strip()
    if not token:
        raise BadSignature("Authorization: the header is missing; LiveKit signs its webhooks with a JWT there")
    try:
        claims = TokenVerifier(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET).verify(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise BadSignature(
            "Authorization: the token is not valid: check LIVEKIT_API_KEY and LIVEKIT_API_SECRET"
        ) from error
    if not _hash_matches(body, claims.sha256 or ""):
        raise BadSignature("Authorization: the token's sha256 is not that of the body")
    try:
        event = Parse(body, WebhookEvent(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:  # the parser's own surprises
        raise BadBody("body: this is not a LiveKit webhook event in JSON") from error
    if not event.id or not event.event:
        raise BadBody("body: id and event are required")
    return event


def _hash_matches(body: bytes, claim: str) -> bool:
    try:
        return hmac.compare_digest(hashlib.sha256(body).digest(), b64decode(claim, validate=True))
    except (ValueError, TypeError):  # no base64, or no text
        return False
