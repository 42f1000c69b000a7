"""The row that is the truth about a call."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from agents.models import PersonaVersion
from calls.models.phone_number import PhoneNumber
from calls.phone import mask_numbers
from calls.states import ALLOWED_FROM, FINAL, LIVE, Direction, EndReason, Floor, Status


class CallQuerySet(models.QuerySet["Call"]):
    def counted(self) -> "CallQuerySet":
        """Calls that statistics are about."""
        return self.filter(is_test=False)

    def live(self) -> "CallQuerySet":
        return self.filter(status__in=LIVE)

    def waiting(self) -> "CallQuerySet":
        """Calls that wait for a slot, in the order in which they are served: that of their arrival."""
        return self.filter(status=Status.QUEUED).order_by("created_at")

    def unclaimed(self, older_than: timedelta) -> "CallQuerySet":
        """Calls whose message may be lost: queued, and last sent longer ago than `older_than`.

        The pause doubles with each sending, so that callers who wait for a slot do not fill the queue with copies. It
        begins anew when a slot gives the call back.
        """
        first_sent = Greatest("queued_at", "not_joined_at")  # which passes over what is null
        pause = Greatest(Value(older_than), F("sent_at") - first_sent, output_field=models.DurationField())
        return self.filter(status=Status.QUEUED, sent_at__lt=Now() - pause)

    def move(self, call_id: uuid.UUID, to: Status, *, attempt: int | None = None, **values: object) -> bool:
        """Move the call if its state, and `attempt` if it is given, allow it. False: another process won."""
        rows = self.filter(pk=call_id, status__in=ALLOWED_FROM[to])
        if attempt is not None:
            rows = rows.filter(attempt=attempt)
        return rows.update(status=to, **values) == 1


class Call(models.Model):
    """One phone call. Status changes go through `calls.lifecycle.services` only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    room_name = models.CharField(max_length=128, unique=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    end_reason = models.CharField(max_length=24, choices=EndReason, blank=True)
    end_detail = models.CharField(max_length=300, blank=True, help_text="Failure details, for the operator.")

    phone_number = models.ForeignKey(PhoneNumber, null=True, on_delete=models.PROTECT, related_name="calls")
    persona_version = models.ForeignKey(PersonaVersion, null=True, on_delete=models.PROTECT, related_name="calls")
    is_test = models.BooleanField(
        "test",
        default=False,
        db_default=False,
        help_text="Someone tried a persona in the browser. Left out of all statistics.",
    )
    after_hours = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The number was closed when the call came in: its after-hours action was taken.",
    )
    direction = models.CharField(max_length=8, choices=Direction, default=Direction.INBOUND)
    caller_number = models.CharField(
        max_length=32, blank=True, help_text="The caller's number; for an outbound call, the number that was called."
    )
    called_number = models.CharField(
        max_length=32, blank=True, help_text="Our number: the one called or, for an outbound call, the one called from."
    )
    caller_identity = models.CharField(max_length=128, blank=True, help_text="The person's participant in the room.")
    sip_call_id = models.CharField("SIP call id", max_length=128, blank=True)
    twilio_call_sid = models.CharField("Twilio call SID", max_length=64, blank=True)

    attempt = models.PositiveIntegerField(default=0, help_text="How often a slot took this call: the fencing token.")
    lease_holder = models.CharField(max_length=128, blank=True, help_text="host:pid of the worker process.")
    lease_expires_at = models.DateTimeField(null=True, help_text="When the worker counts as lost unless it renews it.")
    floor = models.CharField(
        max_length=12, choices=Floor, default=Floor.AGENT, db_default=Floor.AGENT, help_text="Who speaks to the caller."
    )
    floor_identity = models.CharField(
        max_length=128, blank=True, db_default="", help_text="The participant of the supervisor who has the floor."
    )
    losses = models.PositiveIntegerField(default=0, help_text="How often its worker was lost.")

    created_at = models.DateTimeField(default=timezone.now, help_text="When the caller's phone began to ring.")
    queued_at = models.DateTimeField(default=timezone.now, help_text="When it last started waiting for a slot.")
    not_joined_at = models.DateTimeField(
        null=True, help_text="When a slot last gave it back because its agent could not join. The call keeps waiting."
    )
    sent_at = models.DateTimeField(default=timezone.now, help_text="When its message was last sent to the workers.")
    rings_until = models.DateTimeField(
        null=True, help_text="When it overflows unless a slot has taken it; for an outbound call, when it is abandoned."
    )
    overflowed = models.BooleanField(
        default=False, help_text="Its ring time has ended once: another persona may answer beyond the number's limit."
    )
    claimed_at = models.DateTimeField(null=True, help_text="When a slot took it.")
    answered_at = models.DateTimeField(null=True, help_text="When the conversation began.")
    ended_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True, help_text="When the caller's data was erased.")

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [
            ("dispatch_call", "Can place calls and hang up"),
            ("view_caller_number", "Can see callers' whole numbers in lists"),
            ("test_call", "Can talk to personas in the browser"),
            ("listen_call", "Can listen to live calls"),
            ("whisper_call", "Can whisper to agents in live calls"),
            ("take_over_call", "Can take over live calls"),
            ("annotate_call", "Can add notes to calls"),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="call_by_time"),
            models.Index(fields=["status", "sent_at"], condition=Q(status__in=sorted(LIVE)), name="call_live"),
            models.Index(fields=["phone_number", "-created_at"], name="call_by_number"),
            models.Index(fields=["created_at"], condition=Q(status=Status.QUEUED), name="call_waiting"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=sorted(LIVE), end_reason="", ended_at=None)
                | (Q(status__in=sorted(FINAL), ended_at__isnull=False) & ~Q(end_reason="")),
                name="a_final_call_has_an_end_and_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.REJECTED) | Q(persona_version__isnull=False),
                name="an_accepted_call_has_a_persona",
            ),
        ]

    def __str__(self) -> str:
        return mask_numbers(self.room_name)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def needs_dialing(self) -> bool:
        """Whether the agent has yet to reach the person."""
        return self.direction == Direction.OUTBOUND and self.answered_at is None

    @property
    def duration(self) -> timedelta | None:
        """How long caller and agent were connected; None before the answer."""
        if self.answered_at is None:
            return None
        return (self.ended_at or timezone.now()) - self.answered_at

    @property
    def wait(self) -> timedelta:
        """How long the caller heard ringing, until now while nobody has answered."""
        return (self.answered_at or self.ended_at or timezone.now()) - self.created_at
