"""The header `Idempotency-Key`: how clients send it, and what is wrong with it."""

import re
from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from calls.outbound import idempotency
from calls.outbound.idempotency import Answer, KeyedRequest, KeyReused

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

HEADER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    OpenApiParameter.HEADER,
    description="A text that is unique to each call, such as a UUID. Sending the same request with the same key again "
    "within 24 hours places no second call: the response is the first one's call as it is now, with the header "
    "`Idempotent-Replayed: true`.",
)
REUSED = OpenApiResponse(description="Another request has used this Idempotency-Key: send a new one.")


class IdempotencyKeyReused(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "Idempotency-Key: another request has used this key. Send a new key with a new request."
    default_code = "idempotency_key_reused"


def keyed(request: Request, body: Any) -> KeyedRequest | None:
    """The request with its key; None when it has none. Raises ValidationError for an invalid key."""
    sent = request.headers.get("Idempotency-Key")
    if sent is None:
        return None
    key = sent.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':  # as the IETF's draft writes it
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise exceptions.ValidationError(
            {"Idempotency-Key": ["Send 1 to 255 visible ASCII characters, such as a UUID."]}
        )
    return KeyedRequest.of(int(request.user.pk or 0), key, str(request.method), request.path.rstrip("/"), body)


def earlier_answer(request: KeyedRequest | None) -> Answer | None:
    """As calls.outbound.idempotency has it, with the errors of the API."""
    try:
        return idempotency.earlier_answer(request) if request else None
    except KeyReused as error:
        raise IdempotencyKeyReused from error


def once(request: KeyedRequest | None, begin: Callable[[], Answer]) -> Answer:
    """As calls.outbound.idempotency has it, with the errors of the API."""
    try:
        return idempotency.once(request, begin)
    except KeyReused as error:
        raise IdempotencyKeyReused from error


def response(answer: Answer, body: Any) -> Response:
    """The call as JSON, and whether it was begun by an earlier request."""
    return Response(body, answer.status, headers={"Idempotent-Replayed": "true"} if answer.is_repeat else None)
