"""The read-only API."""

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import pagination, viewsets
from rest_framework.serializers import BaseSerializer

from agents.models import Persona
from calls import statistics
from calls.api import serializers
from calls.models import Call, PhoneNumber, Turn


class NewestFirst(pagination.CursorPagination):
    """Pages stay stable while new calls come in."""

    ordering = ("-created_at", "-id")


class OldestFirst(pagination.CursorPagination):
    """Pages stay stable while rows are added."""

    ordering = "id"


class CallViewSet(viewsets.ReadOnlyModelViewSet[Call]):
    """Calls, newest first; one call with its turns and events."""

    queryset = Call.objects.select_related("phone_number", "persona_version__persona")
    pagination_class = NewestFirst
    filter_backends = [DjangoFilterBackend]
    filterset_fields = {
        "status": ["exact"],
        "end_reason": ["exact"],
        "room_name": ["exact"],
        "phone_number__e164": ["exact"],
        "created_at": ["gte", "lt"],
    }

    def get_serializer_class(self) -> type[BaseSerializer[Call]]:
        return serializers.CallDetailSerializer if self.action == "retrieve" else serializers.CallSerializer

    def get_queryset(self) -> QuerySet[Call]:
        rows = statistics.with_position(super().get_queryset())
        return rows.prefetch_related("turns", "events") if self.action == "retrieve" else rows


class TurnViewSet(viewsets.ReadOnlyModelViewSet[Turn]):
    """Turns of all calls, in the order they were written; filter by call."""

    queryset = Turn.objects.all()
    serializer_class = serializers.TurnSerializer
    pagination_class = OldestFirst
    filter_backends = [DjangoFilterBackend]
    filterset_fields = ["call", "speaker", "interrupted"]


class PersonaViewSet(viewsets.ReadOnlyModelViewSet[Persona]):
    """Personas with the version that callers hear."""

    queryset = Persona.objects.select_related("live_version")
    serializer_class = serializers.PersonaSerializer
    pagination_class = OldestFirst


class PhoneNumberViewSet(viewsets.ReadOnlyModelViewSet[PhoneNumber]):
    """Numbers and who answers them."""

    queryset = PhoneNumber.objects.select_related("persona", "overflow_persona")
    serializer_class = serializers.PhoneNumberSerializer
    pagination_class = OldestFirst
