"""`POST /api/calls`: have an agent call someone."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers, status, viewsets
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from access.permissions import HasScope
from agents.models import Persona, PersonaVersion
from calls import destinations
from calls.api import idempotency
from calls.api.serializers import CallSerializer
from calls.models import Call, PhoneNumber
from calls.outbound import placing
from calls.outbound.idempotency import Answer, KeyedRequest
from calls.phone import masked, to_e164
from calls.privacy import audit


class OutboundCallSerializer(serializers.Serializer[Any]):
    """Whom to call, from which number, and who speaks: the number's own persona unless another is named."""

    to = serializers.CharField(max_length=32, help_text="Number to call, with country code: +1 202 555 0100.")
    persona = serializers.CharField(
        max_length=100,
        required=False,
        help_text="Name of a published persona; without it, the one that answers the number.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With `from`, which cannot be declared as an attribute."""
        number = serializers.CharField(max_length=32, help_text="The number to call from: an active one of ours.")
        return {**super().get_fields(), "from": number}

    def validate_to(self, text: str) -> str:
        return _e164(text)

    def validate_from(self, text: str) -> PhoneNumber:
        numbers = PhoneNumber.objects.select_related("persona__live_version")
        number = numbers.filter(e164=_e164(text)).first()
        if number is None:
            raise serializers.ValidationError("This is not one of our numbers: add it in the admin first.")
        if not number.is_active:
            raise serializers.ValidationError("This number is not active: activate it in the admin first.")
        return number

    def validate_persona(self, name: str) -> Persona:
        persona = Persona.objects.select_related("live_version").filter(name=name).first()
        if persona is None:
            raise serializers.ValidationError("No persona has this name: see /api/personas.")
        return persona

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        number: PhoneNumber = attrs["from"]
        if attrs["to"] == number.e164:
            raise serializers.ValidationError({"to": "Choose a different number from the one to call from."})
        persona: Persona = attrs.get("persona") or number.persona
        if persona.live_version is None:
            raise serializers.ValidationError({"persona": f"Publish {persona.name} first: only a draft exists."})
        return {**attrs, "version": persona.live_version}


def _e164(text: str) -> str:
    try:
        return to_e164(text)
    except ValidationError as error:
        raise serializers.ValidationError(error.messages) from error


class PlacesCalls(viewsets.GenericViewSet[Call]):
    """Adds placing calls to the list of calls."""

    def get_permissions(self) -> list[BasePermission]:
        return [HasScope.of("dispatch")()] if self.action == "create" else super().get_permissions()  # type: ignore[return-value]

    @extend_schema(
        parameters=[idempotency.HEADER],
        request=OutboundCallSerializer,
        responses={
            202: CallSerializer,
            422: idempotency.REUSED,
            429: OpenApiResponse(description="No slot is free, or the daily limit is reached: see Retry-After."),
        },
    )
    def create(self, request: Request) -> Response:
        """Place a call. It is dialed as soon as an agent is in its room; follow it by its id."""
        keyed = idempotency.keyed(request, request.data)
        answer = idempotency.earlier_answer(keyed) or self._place(request, keyed)
        return idempotency.response(answer, self.get_serializer(answer.call).data)

    def _place(self, request: Request, keyed: KeyedRequest | None) -> Answer:
        asked = OutboundCallSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        to: str = asked.validated_data["to"]
        number: PhoneNumber = asked.validated_data["from"]
        version: PersonaVersion = asked.validated_data["version"]

        def begin() -> Answer:
            call = placing.place(to, number, version)
            audit.record(request.user, call, "placed")
            return Answer(call, status.HTTP_202_ACCEPTED)

        try:
            return idempotency.once(keyed, begin)
        except placing.NoCapacity as full:
            raise exceptions.Throttled(placing.RETRY_AFTER_S, f"No capacity: {full}.") from full
        except placing.DailyLimitReached as reached:
            raise exceptions.Throttled(reached.again_in_s, f"{reached}.") from reached
        except destinations.NotAllowed as refused:
            audit.record(request.user, number, "was refused an outbound call", to=masked(to))
            raise serializers.ValidationError({"to": refused.messages}) from refused
