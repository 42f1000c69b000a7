"""`POST /manual/dispatch`: send an agent to somebody who is in a room already, as the webhook would have done."""

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

from callcenter.permissions import HasScope
from calls import audit, rooms, services
from calls.api.serializers import CallSerializer
from calls.models import Call
from calls.phone import to_e164
from calls.services import IncomingCall
from calls.visibility import may_read_words, may_see_numbers
from calls.webhooks.livekit import incoming_call


class LiveKitAway(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "LiveKit cannot be asked who is in the room: try again."
    default_code = "livekit_away"


class DispatchSerializer(serializers.Serializer[Any]):
    """Whom to send an agent to. The called number is needed only where LiveKit's SIP service has not told it."""

    room = serializers.CharField(max_length=128)
    participant_identity = serializers.CharField(max_length=128)
    called_number = serializers.CharField(max_length=32, required=False)

    def validate_room(self, name: str) -> str:
        if not name.startswith(rooms.ROOM_PREFIX):
            raise serializers.ValidationError(f"Rooms of calls begin with {rooms.ROOM_PREFIX}: agents join no others.")
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
            OpenApiParameter("participant_identity", str, required=True, description="Who is in it and waits."),
            OpenApiParameter(
                "called_number",
                str,
                description="Whose persona answers. Without it, the number that the participant called by telephone.",
            ),
        ],
        request=None,
        responses={
            200: OpenApiResponse(CallSerializer, description="The room has this call already; nothing was done."),
            202: OpenApiResponse(CallSerializer, description="The call was written; follow it by its id."),
            404: OpenApiResponse(description="This participant is not in the room."),
            503: OpenApiResponse(description="LiveKit cannot be asked."),
        },
    )
    def post(self, request: Request) -> Response:
        asked = DispatchSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        room = asked.validated_data["room"]
        call = Call.objects.filter(room_name=room).first()
        if call is None:
            call = services.receive_call(_waiting(asked.validated_data))
            if call is not None:
                audit.record(request.user, call, "sent an agent by hand")
                return _answer(request, call, status.HTTP_202_ACCEPTED)
            call = Call.objects.get(room_name=room)  # its webhook was faster
        return _answer(request, call, status.HTTP_200_OK)


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


def _answer(request: Request, call: Call, code: int) -> Response:
    user = request.user
    shown = {"masks_numbers": not may_see_numbers(user), "with_words": may_read_words(user)}
    row = Call.objects.select_related("phone_number", "persona_version__persona").get(pk=call.pk)
    return Response(CallSerializer(row, context=shown).data, status=code)
