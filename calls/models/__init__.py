from calls.models.call import Call, CallQuerySet
from calls.models.dead_letter import DeadLetter
from calls.models.erasure import Erasure
from calls.models.heartbeat import Heartbeat
from calls.models.history import CallEvent, Turn
from calls.models.idempotency_key import IdempotencyKey
from calls.models.opening_hours import Holiday, OpeningHours, OpeningInterval
from calls.models.phone_number import PhoneNumber
from calls.models.supervision import Supervision
from calls.models.tool_call import ToolCall
from calls.models.webhook_event import WebhookEvent

__all__ = [
    "Call",
    "CallEvent",
    "CallQuerySet",
    "DeadLetter",
    "Erasure",
    "Heartbeat",
    "Holiday",
    "IdempotencyKey",
    "OpeningHours",
    "OpeningInterval",
    "PhoneNumber",
    "Supervision",
    "ToolCall",
    "Turn",
    "WebhookEvent",
]
