"""Calls, personas and numbers in the API. Read-only: they are edited in the admin."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.models import Persona, PersonaVersion
from calls.models import Call, CallEvent, OpeningHours, PhoneNumber, Turn
from calls.phone import mask_numbers, masked
from calls.privacy.visibility import visible_detail


class TurnSerializer(serializers.ModelSerializer[Turn]):
    call = serializers.UUIDField(source="call_id", read_only=True)

    class Meta:
        model = Turn
        exclude = ["id"]


class CallEventSerializer(serializers.ModelSerializer[CallEvent]):
    """What may hold what was said is left out of the detail, unless `with_words` is in the context."""

    class Meta:
        model = CallEvent
        fields = ["kind", "at", "to_status", "attempt", "detail"]

    def to_representation(self, instance: CallEvent) -> dict[str, Any]:
        shown = dict(super().to_representation(instance))
        shown["detail"] = visible_detail(instance, with_words=self.context.get("with_words", False))
        return shown


class CallSerializer(serializers.ModelSerializer[Call]):
    phone_number: serializers.SlugRelatedField[PhoneNumber] = serializers.SlugRelatedField(
        slug_field="e164", read_only=True, allow_null=True
    )
    persona = serializers.CharField(
        source="persona_version.persona.name", default=None, read_only=True, allow_null=True
    )
    persona_version = serializers.IntegerField(
        source="persona_version.number", default=None, read_only=True, allow_null=True
    )
    position = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Position of a waiting call in the queue, from 1; otherwise null."
    )
    wait_s = serializers.SerializerMethodField(help_text="Seconds from the call to its answer or end, or until now.")
    duration_s = serializers.SerializerMethodField(help_text="Seconds since the answer; null before it.")

    class Meta:
        model = Call
        fields = [
            "id",
            "room_name",
            "direction",
            "status",
            "end_reason",
            "end_detail",
            "after_hours",
            "phone_number",
            "persona",
            "persona_version",
            "caller_number",
            "called_number",
            "sip_call_id",
            "twilio_call_sid",
            "attempt",
            "created_at",
            "claimed_at",
            "answered_at",
            "ended_at",
            "position",
            "wait_s",
            "duration_s",
        ]

    def to_representation(self, instance: Call) -> dict[str, Any]:
        """Numbers are masked with `masks_numbers` in the context, and words left out without `with_words`."""
        shown = dict(super().to_representation(instance))
        if self.context.get("masks_numbers"):
            shown["caller_number"] = masked(instance.caller_number) if instance.caller_number else ""
            shown["room_name"] = mask_numbers(instance.room_name)
        if not self.context.get("with_words"):
            shown["end_detail"] = ""
        return shown

    def get_wait_s(self, call: Call) -> float:
        return call.wait.total_seconds()

    def get_duration_s(self, call: Call) -> float | None:
        return call.duration.total_seconds() if call.duration is not None else None


class CallDetailSerializer(CallSerializer):
    turns = serializers.SerializerMethodField(help_text="Empty without the permission to read transcripts.")
    events = CallEventSerializer(many=True, read_only=True)

    @extend_schema_field(TurnSerializer(many=True))
    def get_turns(self, call: Call) -> Any:
        return TurnSerializer(call.turns.all(), many=True).data if self.context.get("with_words") else []

    class Meta(CallSerializer.Meta):
        fields = [*CallSerializer.Meta.fields, "turns", "events"]


class FallbackSerializer(serializers.Serializer[Any]):
    """A provider's model that takes over; text to speech may have a voice of its own."""

    provider = serializers.CharField()
    model = serializers.CharField()
    voice_id = serializers.CharField(required=False)


class PersonaVersionSerializer(serializers.ModelSerializer[PersonaVersion]):
    stt_fallbacks = FallbackSerializer(many=True, read_only=True)
    llm_fallbacks = FallbackSerializer(many=True, read_only=True)
    tts_fallbacks = FallbackSerializer(many=True, read_only=True)

    class Meta:
        model = PersonaVersion
        exclude = ["id", "persona", "tools_json", "published_by"]


class PersonaSerializer(serializers.ModelSerializer[Persona]):
    live_version = PersonaVersionSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Persona
        fields = ["id", "name", "description", "live_version", "created_at", "updated_at"]


class PhoneNumberSerializer(serializers.ModelSerializer[PhoneNumber]):
    """Needs `opening_hours` with its entries: otherwise each number's would be read one by one."""

    persona: serializers.SlugRelatedField[Persona] = serializers.SlugRelatedField(slug_field="name", read_only=True)
    overflow_persona: serializers.SlugRelatedField[Persona] = serializers.SlugRelatedField(
        slug_field="name", read_only=True, allow_null=True
    )
    opening_hours: serializers.SlugRelatedField[OpeningHours] = serializers.SlugRelatedField(
        slug_field="name", read_only=True, allow_null=True, help_text="Null: always open."
    )
    is_open = serializers.SerializerMethodField(help_text="Whether it is open now, by its opening hours.")
    changes_at = serializers.SerializerMethodField(
        help_text="When it closes or opens next; null if it does not within a year."
    )
    after_hours_persona: serializers.SlugRelatedField[Persona] = serializers.SlugRelatedField(
        slug_field="name", read_only=True, allow_null=True
    )

    def get_is_open(self, number: PhoneNumber) -> bool:
        return number.is_open(timezone.now())

    def get_changes_at(self, number: PhoneNumber) -> datetime | None:
        hours = number.opening_hours
        return hours.timetable.next_change(timezone.now()) if hours else None

    class Meta:
        model = PhoneNumber
        fields = [
            "id",
            "e164",
            "label",
            "persona",
            "is_active",
            "max_calls",
            "ring_time_s",
            "overflow",
            "overflow_message",
            "overflow_persona",
            "overflow_number",
            "opening_hours",
            "is_open",
            "changes_at",
            "after_hours",
            "after_hours_message",
            "after_hours_persona",
            "after_hours_number",
            "created_at",
        ]
