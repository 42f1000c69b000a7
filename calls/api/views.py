"""The API. Personas and numbers are only read here: the admin is where they are edited."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from agents.models import Persona
from calls.api import serializers
from calls.api.filters import CallFilter
from calls.api.hang_up import EndsCalls
from calls.api.pagination import NewestFirst, OldestFirst
from calls.api.place_call import PlacesCalls
from calls.models import Call, OpeningHours, PhoneNumber, Turn
from calls.privacy import audit
from calls.privacy.visibility import may_read_words, may_see_numbers
from calls.reporting import aggregates


class CallViewSet(PlacesCalls, EndsCalls, viewsets.ReadOnlyModelViewSet[Call]):
    """Calls, newest first; one call with its turns and events."""

    queryset = Call.objects.select_related("phone_number", "persona_version__persona")
    pagination_class = NewestFirst
    filter_backends = [DjangoFilterBackend]
    filterset_class = CallFilter

    def get_serializer_class(self) -> type[BaseSerializer[Call]]:
        return serializers.CallDetailSerializer if self.action == "retrieve" else serializers.CallSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        user = self.request.user
        masks = self.action == "list" and not may_see_numbers(user)
        return {**super().get_serializer_context(), "masks_numbers": masks, "with_words": may_read_words(user)}

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One call with its turns and events. The access is recorded in the audit log."""
        call = self.get_object()
        answer = Response(self.get_serializer(call).data)
        if answer.data["turns"]:
            audit.record_access(request.user, call)
        return answer

    def get_queryset(self) -> QuerySet[Call]:
        rows = aggregates.with_position(super().get_queryset())
        return rows.prefetch_related("turns", "events") if self.action == "retrieve" else rows


class TurnViewSet(viewsets.ReadOnlyModelViewSet[Turn]):
    """Turns of all calls, in the order they were written; filter by call."""

    queryset = Turn.objects.all()
    serializer_class = serializers.TurnSerializer
    pagination_class = OldestFirst
    filter_backends = [DjangoFilterBackend]
    filterset_fields = ["call", "speaker", "interrupted"]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Turns of all calls. The access is recorded in the audit log."""
        answer = super().list(request, *args, **kwargs)
        if answer.data["results"]:
            known = (*self.filterset_fields, "cursor")
            found_by = {name: value for name, value in request.query_params.items() if name in known}
            audit.looked_at_turns(request.user, found_by)
        return answer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One turn. The access is recorded in the audit log."""
        turn = self.get_object()
        audit.record_access(request.user, turn.call)
        return Response(self.get_serializer(turn).data)


class PersonaViewSet(viewsets.ReadOnlyModelViewSet[Persona]):
    """Personas with the version that callers hear."""

    queryset = Persona.objects.select_related("live_version")
    serializer_class = serializers.PersonaSerializer
    pagination_class = OldestFirst


class PhoneNumberViewSet(viewsets.ReadOnlyModelViewSet[PhoneNumber]):
    """Numbers, who answers them, and when they are open."""

    queryset = PhoneNumber.objects.select_related(
        "persona", "overflow_persona", "after_hours_persona"
    ).prefetch_related(Prefetch("opening_hours", OpeningHours.objects.with_entries()))
    serializer_class = serializers.PhoneNumberSerializer
    pagination_class = OldestFirst
