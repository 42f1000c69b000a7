"""The state machine of a call, as data.

queued → connecting → in_progress → completed | failed
queued → missed | rejected, connecting → missed (the caller gave up while the agent was joining, or who was called did
not answer)
connecting | in_progress → queued (its worker was lost, or hands it over), and from there on, or completed | failed
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


class Floor(TextChoices):
    """Who speaks to the caller."""

    AGENT = "agent", "Agent"
    SUPERVISOR = "supervisor", "Supervisor"


class Direction(TextChoices):
    INBOUND = "inbound", "Inbound"
    OUTBOUND = "outbound", "Outbound"


class EndReason(TextChoices):
    """Why a call ended: a fixed vocabulary, because alerts and dashboards count by it."""

    CALLER_LEFT = "caller_left", "The caller hung up"
    AGENT_GOODBYE = "agent_goodbye", "The agent said goodbye"
    MAX_DURATION = "max_duration", "The maximum duration was reached"
    SILENCE = "silence", "The caller stayed silent"
    HUNG_UP = "hung_up", "A supervisor hung up"
    PROVIDER_FAILURE = "provider_failure", "A speech or language provider failed"
    ROOM_GONE = "room_gone", "The room was closed"
    PIPELINE_ERROR = "pipeline_error", "The agent failed"
    AGENT_LOST = "agent_lost", "The agent was lost, and no other could take over"
    CONNECT_FAILED = "connect_failed", "The agent could not join the room"
    CALLER_GAVE_UP = "caller_gave_up", "The caller hung up before an agent was free"
    NO_AGENT_FREE = "no_agent_free", "No agent was free within the ring time"
    TRANSFERRED = "transferred", "The caller was transferred to another number"
    NO_ANSWER = "no_answer", "The called person did not answer"
    BUSY = "busy", "The called line was busy"
    REFUSED = "refused", "The called person declined the call"
    DIAL_FAILED = "dial_failed", "The call could not be placed"
    AFTER_HOURS = "after_hours", "The number was closed"
    AFTER_HOURS_TRANSFERRED = "after_hours_transferred", "The number was closed, and the caller was transferred"
    UNKNOWN_NUMBER = "unknown_number", "The called number is unknown"
    INACTIVE_NUMBER = "inactive_number", "The called number is not active"
    NO_LIVE_PERSONA = "no_live_persona", "The number's persona has no published version"


TRANSFERRED_BECAUSE = "transferred, because "
"""Begins the detail of a provider failure after which the caller was transferred."""

WAITING = frozenset({Status.QUEUED})
HELD = frozenset({Status.CONNECTING, Status.IN_PROGRESS})
LIVE = WAITING | HELD
FINAL = frozenset(Status) - LIVE
ANNOUNCED = frozenset(
    {
        *(EndReason.NO_AGENT_FREE, EndReason.TRANSFERRED, EndReason.AGENT_LOST, EndReason.CONNECT_FAILED),
        *(EndReason.AFTER_HOURS, EndReason.AFTER_HOURS_TRANSFERRED),
    }
)
"""Ends that housekeeping announces to the caller before it hangs up."""
NOT_REACHED = frozenset(
    {EndReason.NO_ANSWER, EndReason.BUSY, EndReason.REFUSED}
)  # outbound calls that are nobody's failure

ALLOWED_FROM: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.CONNECTING, Status.IN_PROGRESS}),
    Status.CONNECTING: frozenset({Status.QUEUED}),
    Status.IN_PROGRESS: frozenset({Status.CONNECTING}),
    Status.COMPLETED: LIVE,
    Status.FAILED: LIVE,
    Status.MISSED: frozenset({Status.QUEUED, Status.CONNECTING}),
    Status.REJECTED: frozenset({Status.QUEUED}),
}
