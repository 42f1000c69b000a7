"""`POST /manual/dispatch`: send an agent to someone who is already in a room, as the webhook would have done."""

from typing import Any

import aiohttp
from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from livekit import api
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.permissions import HasScope
from calls.api import idempotency
from calls.api.serializers import CallSerializer
from calls.lifecycle import services
from calls.lifecycle.services import IncomingCall
from calls.livekit import rooms
from calls.models import Call
from calls.outbound.idempotency import Answer, KeyedRequest
from calls.phone import to_e164
from calls.privacy import audit
from calls.privacy.visibility import may_read_words, may_see_numbers
from calls.webhooks.livekit.callers import incoming_call


class LiveKitAway(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "LiveKit is unavailable: try again."
    default_code = "livekit_away"


class DispatchSerializer(serializers.Serializer[Any]):
    """Whom to send an agent to. The called number is needed only if LiveKit's SIP service has not reported it."""

    room = serializers.CharField(max_length=128)
    participant_identity = serializers.CharField(max_length=128)
    called_number = serializers.CharField(max_length=32, required=False)

    def validate_room(self, name: str) -> str:
        if not name.startswith(rooms.ROOM_PREFIX):
            raise serializers.ValidationError(f"A call's room is named {rooms.ROOM_PREFIX}…: agents join no others.")
        return name

    def validate_called_number(self, text: str) -> str:
        try:
            return to_e164(text)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error


class ManualDispatchView(APIView):
    """Sends an agent to a participant of a room."""

    permission_classes = [HasScope.of("dispatch")]

    @extend_schema(
        parameters=[
            OpenApiParameter("room", str, required=True, description="A room whose name begins with `call-`."),
            OpenApiParameter("participant_identity", str, required=True, description="The participant waiting in it."),
            idempotency.HEADER,
            OpenApiParameter(
                "called_number",
                str,
                description="Whose persona answers. Without it, the number that the participant called by telephone.",
            ),
        ],
        request=None,
        responses={
            200: OpenApiResponse(CallSerializer, description="The room already has this call; nothing was changed."),
            202: OpenApiResponse(CallSerializer, description="The call was created; follow it by its ID."),
            422: idempotency.REUSED,
            404: OpenApiResponse(description="This participant is not in the room."),
            503: OpenApiResponse(description="LiveKit is unavailable."),
        },
    )
    def post(self, request: Request) -> Response:
        asked = DispatchSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        keyed = idempotency.keyed(request, request.query_params)
        answer = idempotency.earlier_answer(keyed) or self._dispatch(request, keyed, asked.validated_data)
        return idempotency.response(answer, _as_json(request, answer.call))

    def _dispatch(self, request: Request, keyed: KeyedRequest | None, asked: dict[str, Any]) -> Answer:
        """LiveKit is asked before the transaction: nothing waits for a network in one."""
        known = Call.objects.filter(room_name=asked["room"]).first()
        incoming = None if known else _waiting(asked)

        def begin() -> Answer:
            call = _receive(incoming) if incoming else None
            if call is None:  # the room has its call: it did before, or its webhook was faster
                return Answer(Call.objects.get(room_name=asked["room"]), status.HTTP_200_OK)
            audit.record(request.user, call, "dispatched an agent manually")
            return Answer(call, status.HTTP_202_ACCEPTED)

        return idempotency.once(keyed, begin)


def _receive(incoming: IncomingCall) -> Call | None:
    """Write the call. Raises ValidationError when nobody would answer it: then the room stays as it is.

    A caller who dialed such a number is turned away, but a supervisor who mistyped it has only to try again.
    """
    number = services.find_number(incoming.called_number)
    refusal = services.refusal(number)
    if refusal is not None:
        problem = f"{incoming.called_number} cannot be answered: {refusal.label}. Nothing was changed."
        raise serializers.ValidationError({"called_number": [problem]})
    return services.receive_call_to(number, incoming)


def _waiting(asked: dict[str, Any]) -> IncomingCall:
    """What LiveKit knows of the participant. Raises the errors of the API."""
    room, identity = asked["room"], asked["participant_identity"]
    try:
        person = async_to_sync(rooms.participant)(room, identity)
    except (api.ServerError, aiohttp.ClientError, TimeoutError) as error:
        raise LiveKitAway from error
    if person is None:
        raise exceptions.NotFound("participant_identity: nobody with this identity is in the room.")
    incoming = incoming_call(room, person)
    called = asked.get("called_number") or incoming.called_number
    if not called:
        raise serializers.ValidationError(
            {"called_number": "Name the number whose persona answers: this participant did not call by telephone."}
        )
    return IncomingCall(
        room_name=room,
        caller_identity=identity,
        caller_number=incoming.caller_number,
        called_number=called,
        sip_call_id=incoming.sip_call_id,
        twilio_call_sid=incoming.twilio_call_sid,
    )


def _as_json(request: Request, call: Call) -> Any:
    user = request.user
    shown = {"masks_numbers": not may_see_numbers(user), "with_words": may_read_words(user)}
    row = Call.objects.select_related("phone_number", "persona_version__persona").get(pk=call.pk)
    return CallSerializer(row, context=shown).data
