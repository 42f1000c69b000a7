"""The HTTP side of Twilio's webhooks: signature in, TwiML or nothing out."""

from collections.abc import Callable, Mapping

import structlog
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from calls.reporting.collectors import count_webhook
from calls.webhooks.livekit.signature import BadBody, BadSignature
from calls.webhooks.twilio import events

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def voice_webhook(request: HttpRequest) -> HttpResponse:
    """200 with TwiML; 401 for a bad signature, 400 for parameters that are none of a call."""

    def answer(parameters: Mapping[str, str]) -> HttpResponse:
        twiml = events.voice_answer(parameters)
        count_webhook("twilio", "accepted")
        return HttpResponse(twiml, content_type="text/xml")

    return _verified(request, answer)


@csrf_exempt
@require_POST
def status_webhook(request: HttpRequest) -> HttpResponse:
    """204 when it is stored, also when it was before; 401, 400 as above; 503 when the database is unavailable."""

    def answer(parameters: Mapping[str, str]) -> HttpResponse:
        try:
            outcome = events.note_status(parameters)
        except (OperationalError, InterfaceError):
            log.exception("webhook_not_stored")
            count_webhook("twilio", "unavailable")
            return JsonResponse({"error": "the database is not available; send it again"}, status=503)
        count_webhook("twilio", "duplicate" if outcome == "duplicate" else "accepted")
        return HttpResponse(status=204)

    return _verified(request, answer)


def _check_form(request: HttpRequest) -> None:
    """Raise BadBody unless it is what Twilio sends: a multipart form would take a stranger's word for its encodings."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise BadBody("Content-Type: application/x-www-form-urlencoded is expected")


def _verified(request: HttpRequest, answer: Callable[[Mapping[str, str]], HttpResponse]) -> HttpResponse:
    try:
        _check_form(request)
        events.verify(request.get_full_path(), request.POST, request.headers.get("X-Twilio-Signature", ""))
        return answer(request.POST.dict())
    except BadSignature as error:
        log.warning("webhook_refused", reason=str(error))
        count_webhook("twilio", "bad_signature")
        return JsonResponse({"error": str(error)}, status=401)
    except (BadBody, DataError) as error:
        count_webhook("twilio", "bad_body")
        text = str(error) if isinstance(error, BadBody) else "a value cannot be stored"
        return JsonResponse({"error": text}, status=400)
