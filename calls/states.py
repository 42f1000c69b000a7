"""The state machine of a call, as data.

queued → connecting → in_progress → completed | failed
queued → missed | rejected, connecting → missed (the caller gave up while the agent was joining)
"""

from django.db.models import TextChoices


class Status(TextChoices):
    QUEUED = "queued", "Queued"
    CONNECTING = "connecting", "Connecting"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    MISSED = "missed", "Missed"
    REJECTED = "rejected", "Rejected"


class EndReason(TextChoices):
    """Why a call ended: a fixed vocabulary, because alerts and dashboards count by it."""

    CALLER_LEFT = "caller_left", "The caller hung up"
    AGENT_GOODBYE = "agent_goodbye", "The agent said goodbye"
    MAX_DURATION = "max_duration", "The longest duration was reached"
    SILENCE = "silence", "The caller stayed silent"
    PROVIDER_FAILURE = "provider_failure", "A speech or language provider failed"
    ROOM_GONE = "room_gone", "The room was closed"
    PIPELINE_ERROR = "pipeline_error", "The agent failed"
    CONNECT_FAILED = "connect_failed", "The agent could not join the room"
    CALLER_GAVE_UP = "caller_gave_up", "The caller hung up before an agent was free"
    UNKNOWN_NUMBER = "unknown_number", "The called number is not known"
    INACTIVE_NUMBER = "inactive_number", "The called number is not active"
    NO_LIVE_PERSONA = "no_live_persona", "The number's persona has no published version"
    SYSTEM_LIMIT = "system_limit", "The call center has as many calls as it may have"
    NUMBER_LIMIT = "number_limit", "The number has as many calls as it may have"


WAITING = frozenset({Status.QUEUED})
LIVE = frozenset({Status.QUEUED, Status.CONNECTING, Status.IN_PROGRESS})
FINAL = frozenset(Status) - LIVE

ALLOWED_FROM: dict[Status, frozenset[Status]] = {
    Status.CONNECTING: frozenset({Status.QUEUED}),
    Status.IN_PROGRESS: frozenset({Status.CONNECTING}),
    Status.COMPLETED: frozenset({Status.IN_PROGRESS, Status.CONNECTING}),
    Status.FAILED: frozenset({Status.IN_PROGRESS, Status.CONNECTING}),
    Status.MISSED: frozenset({Status.QUEUED, Status.CONNECTING}),
    Status.REJECTED: frozenset({Status.QUEUED}),
}
