"""The HTTP side of LiveKit's webhooks: signature in, one transaction, answer out. No network call but the message."""

import structlog
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from calls.reporting.collectors import count_webhook
from calls.webhooks.livekit import events
from calls.webhooks.livekit.signature import BadBody, BadSignature, verified_event

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def livekit_webhook(request: HttpRequest) -> JsonResponse:
    """200 when the event is stored, also when it was before; 401 for a bad signature, 400 for a body that is not an
    event.

    503 when the database is unavailable: LiveKit sends the event again.
    """
    try:
        event = verified_event(request.body, request.headers.get("Authorization", ""))
        outcome = events.handle(event)
    except BadSignature as error:
        log.warning("webhook_refused", reason=str(error))
        count_webhook("livekit", "bad_signature")
        return JsonResponse({"error": str(error)}, status=401)
    except BadBody as error:
        count_webhook("livekit", "bad_body")
        return JsonResponse({"error": str(error)}, status=400)
    except DataError as error:
        log.warning("webhook_not_storable", reason=str(error))
        count_webhook("livekit", "bad_body")
        return JsonResponse({"error": f"body: a value cannot be stored: {error}"}, status=400)
    except (OperationalError, InterfaceError):
        log.exception("webhook_not_stored")
        count_webhook("livekit", "unavailable")
        return JsonResponse({"error": "the database is not available; send the event again"}, status=503)
    count_webhook("livekit", outcome if outcome in ("duplicate", "ignored") else "accepted")
    return JsonResponse({"outcome": outcome})
